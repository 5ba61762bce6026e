// The work that stands before a form where the configuration wants some: find a text such that SHA-256 of "task:text"
// begins with so many zero bits. No puzzle for people, nothing of any other host; a second or two of this processor.
// SHA-256 by itself (FIPS 180-4), since crypto.subtle answers too slowly to be asked a hundred thousand times, and not at
// all without https.
"use strict";
(() => {
  const form = document.querySelector("form[data-bits]");
  if (!form) return;
  const bits = Number(form.dataset.bits);
  const task = form.elements.task.value;
  const working = form.querySelector("[data-working]");
  form.querySelector("[data-no-script]").remove();

  const K = new Int32Array(64), H = new Int32Array(8);
  const root = (n, k) => Math.pow(n, 1 / k), part = (x) => ((x - Math.floor(x)) * 4294967296) | 0;
  for (let n = 2, found = 0; found < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) { prime = false; break; }
    if (!prime) continue;
    if (found < 8) H[found] = part(root(n, 2));
    K[found++] = part(root(n, 3));
  }

  // One or two blocks: a task has some 60 characters.
  const words = new Int32Array(64);
  function block(state, bytes, at) {
    for (let i = 0; i < 16; i++, at += 4) words[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    for (let i = 16; i < 64; i++) {
      const x = words[i - 15], y = words[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      words[i] = (words[i - 16] + s0 + words[i - 7] + s1) | 0;
    }
    let a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + words[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    state[0] = (state[0] + a) | 0; state[1] = (state[1] + b) | 0; state[2] = (state[2] + c) | 0; state[3] = (state[3] + d) | 0;
    state[4] = (state[4] + e) | 0; state[5] = (state[5] + f) | 0; state[6] = (state[6] + g) | 0; state[7] = (state[7] + h) | 0;
  }
  const state = new Int32Array(8);
  function first(text) {
    const length = text.length, size = ((length + 8) >> 6) + 1 << 6, bytes = new Uint8Array(size);
    for (let i = 0; i < length; i++) bytes[i] = text.charCodeAt(i);
    bytes[length] = 128;
    bytes[size - 1] = (length * 8) & 255; bytes[size - 2] = (length * 8) >> 8;
    state.set(H);
    for (let at = 0; at < size; at += 64) block(state, bytes, at);
    return state[0];
  }

  let number = 0, answer = "", wanted = null, button = null;
  function go() {
    const until = performance.now() + 30;
    while (!answer && performance.now() < until)
      for (let i = 0; i < 200 && !answer; i++, number++)
        if (first(`${task}:${number.toString(36)}`) >>> (32 - bits) === 0) answer = number.toString(36);
    if (!answer) return void setTimeout(go, 0);
    form.elements.answer.value = answer;
    if (wanted) { wanted = null; form.requestSubmit(button); }
  }
  form.addEventListener("submit", (event) => {
    if (answer) return;
    event.preventDefault();
    wanted = form; button = event.submitter;
    working.hidden = false;
  });
  go();
})();
