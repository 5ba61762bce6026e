// Prints what mailauth makes of the DKIM signatures of messages: node dkim.mjs RECORDS.json FILE…
// RECORDS.json holds the TXT records there are, by name; nothing is looked up. One line of JSON a file: its results.
import { readFile } from "node:fs/promises";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";

const [, , records, ...files] = process.argv;
const known = JSON.parse(await readFile(records, "utf8"));
const resolver = async (name, type) => {
    if (type === "TXT" && name in known) return [[known[name]]];
    throw Object.assign(new Error(`no ${type} of ${name}`), { code: "ENOTFOUND" });
};
for (const file of files) {
    const { results } = await dkimVerify(await readFile(file), { resolver });
    console.log(JSON.stringify(results.map(({ status, algo, selector, signingDomain }) => [status.result, algo, selector, signingDomain, status.comment ?? ""])));
}
