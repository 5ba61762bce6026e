// Shows a send while it is under way: what the server says each second takes the place of what stands there.
(() => {
  "use strict";
  const box = document.getElementById("live");
  const said = document.getElementById("live-said");
  if (!box || !window.EventSource) return;
  let stream = null;
  let tenth = null;
  let over = false;

  function look(event) {
    const at = document.activeElement;
    const href = box.contains(at) ? at.getAttribute("href") : null;
    box.innerHTML = event.data;
    if (href) {
      const same = [...box.querySelectorAll("a")].find((link) => link.getAttribute("href") === href);
      if (same) same.focus();
    }
    // Not every second: who listens hears every tenth of it.
    const bar = box.querySelector("progress");
    const now = bar && bar.max > 0 ? Math.floor((10 * bar.value) / bar.max) : 0;
    if (tenth !== null && now !== tenth && said) said.textContent = `${now * 10} percent`;
    tenth = now;
  }

  function open() {
    if (stream || over || document.hidden) return;
    stream = new EventSource(box.dataset.events);
    stream.addEventListener("look", look);
    stream.addEventListener("end", (event) => {
      close();
      over = true;
      // A page that also has forms is not loaded anew under somebody who writes.
      if ("stay" in box.dataset) look(event);
      else location.reload();
    });
  }

  function close() {
    if (stream) stream.close();
    stream = null;
  }

  // A page that nobody sees gives its stream to others.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  open();
})();
