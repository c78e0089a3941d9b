// Copied to dist/ by the build. The bundle runs from V8's code cache, where import() does not work;
// a file that Node itself loads may import anything, modules with a top-level await included.
module.exports = (url) => import(url);
