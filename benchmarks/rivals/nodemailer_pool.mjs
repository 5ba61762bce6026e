// nodemailer with its pool of connections: node … PORT CONNECTIONS MESSAGES FILE MODULE
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [port, connections, messages, file, module] = process.argv.slice(2);
const nodemailer = createRequire(import.meta.url)(module);
const raw = readFileSync(file);
const transport = nodemailer.createTransport({
    pool: true,
    maxConnections: Number(connections),
    maxMessages: Infinity,
    host: '127.0.0.1',
    port: Number(port),
    name: 'bench.example.org',
    secure: false,
    ignoreTLS: true,
    logger: false,
});

let next = 0;
async function work() {
    while (next < Number(messages)) {
        const to = `reader${next++}@example.org`;
        await transport.sendMail({ envelope: { from: 'bounce@courier.example.org', to: [to] }, raw });
    }
}
const start = performance.now();
// Two for each connection, so that none waits for the next.
await Promise.all(Array.from({ length: 2 * Number(connections) }, work));
console.log(JSON.stringify({ seconds: (performance.now() - start) / 1000 }));
transport.close();
