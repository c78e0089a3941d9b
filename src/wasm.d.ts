/** A module of WebAssembly, as scripts/wasm.mjs loads it. */
declare module '*.wasm' {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}

/** As much of it as is used: TypeScript has it with the DOM alone. */
declare namespace WebAssembly {
  function compile(bytes: Uint8Array<ArrayBuffer>): Promise<object>;
}
