// A Koa + @koa/router hello server.
import { Router } from '@koa/router';
import Koa from 'koa';
import { portOf } from './port-of.mjs';

const router = new Router();
router.get('/', (context) => {
  context.body = 'hello';
});
const app = new Koa();
app.use(router.routes()).use(router.allowedMethods());
const server = app.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: portOf(server) }));
});
