// The same app as a program of its own, which leaves in order, as pm2's documentation asks for.
import { createServer } from 'node:http';
import app from './hello-app.mjs';

const server = createServer(app).listen(Number(process.env.PORT), '127.0.0.1', () => {
  process.send?.('ready');
});
process.once('SIGINT', () => server.close(() => process.exit(0)));
