// A bare Koa hello server.
import Koa from 'koa';
import { portOf } from './port-of.mjs';

const app = new Koa();
app.use((context) => {
  context.body = 'hello';
});
const server = app.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: portOf(server) }));
});
