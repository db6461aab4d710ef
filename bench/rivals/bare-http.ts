/** The least that Node can do for the same answers: no route, no check, no log. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answer } from '../pipeline/endpoints.ts';

const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
  const respond = (status: number, value: unknown) => {
    const text = JSON.stringify(value);
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    response.end(text);
  };
  if (request.method === 'GET') {
    respond(200, answer);
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => respond(201, { ...answer, ...JSON.parse(Buffer.concat(chunks).toString('utf8')) }));
});

server.listen(0, '127.0.0.1', () => {
  // A server that listens on a port has an address of this form.
  const { port } = server.address() as AddressInfo;
  console.log(`ready http://127.0.0.1:${port}`);
});
process.on('SIGTERM', () => process.exit(0));
