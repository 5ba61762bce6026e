// Prints what postal-mime makes of a message: node parse.mjs FILE
import { readFile } from "node:fs/promises";
import PostalMime from "postal-mime";

const mail = await PostalMime.parse(await readFile(process.argv[2]));
const headers = mail.headers.map(({ key, value }) => [key, value]);
console.log(JSON.stringify({ subject: mail.subject, text: mail.text, html: mail.html, headers }));
