// Copied to dist/ by the build. Passes a listening socket on to a process that is not related, so that nobody
// has to close it. Node sends one only over the channel to a child: so this is a child whose channel is one end of
// the connection between those two. How it goes: docs/internals.md, "A listening socket".
const { spawn } = require('node:child_process');
const { createServer } = require('node:net');

const CHANNEL = 3;
const OTHER = 4;
const [, , role, backlog] = process.argv;

if (role === 'send') send();
else receive();

// Closed in the same turn: this process must never accept a connection.
function send() {
  const server = /** @type {import('node:net').Server & { _handle: import('node:net').Socket }} */ (
    createServer()
  );
  server.listen({ fd: OTHER, backlog: Number(backlog) });
  // As Node has it: a server would accept as soon as it arrives.
  process.send?.('socket', server._handle, {}, (error) => process.exit(error ? 1 : 0));
  server.close();
}

// The asker's own channel is the other descriptor, which only a child of this one can speak on.
function receive() {
  process.once('disconnect', () => process.exit(1));
  process.once('message', (_, socket) => {
    const handle = /** @type {{ fd: number, close(): void }} */ (/** @type {unknown} */ (socket));
    process.removeAllListeners('disconnect');
    const child = spawn(process.execPath, [__filename, 'send', backlog], {
      stdio: ['ignore', 'ignore', 'ignore', OTHER, handle.fd],
      env: { ...process.env, NODE_CHANNEL_FD: String(CHANNEL) },
    });
    handle.close();
    child.once('error', () => process.exit(1));
    child.once('exit', (code) => process.exit(code === 0 ? 0 : 1));
  });
}
