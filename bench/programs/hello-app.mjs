// A small app: what meowctl serves with --app, and hello-listening.mjs under pm2.
export default (_request, response) => response.end('hello\n');
