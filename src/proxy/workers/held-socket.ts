import { lookup } from 'node:dns/promises';
import * as net from 'node:net';
import { getSystemErrorName } from 'node:util';

/** What Node has of a socket that is bound. */
export interface SocketHandle {
  readonly fd: number;
  /** @returns 0, or the number of an error */
  getsockname(name: object): number;
  close(): void;
}

/** Where to bind; or a socket that is there: its descriptor, or what Node has of it. */
type Given = { readonly host: string; readonly port: number } | { readonly fd: number };

type CreateHandle = (
  address: string | null,
  port: number | null,
  family: number | null,
  fd?: number,
) => SocketHandle | number;

// Not documented: what node:cluster makes a shared socket with (docs/internals.md).
const { _createServerHandle: createHandle } = net as unknown as {
  readonly _createServerHandle: CreateHandle;
};

/** A server that holds its socket for others, and accepts nothing: it is listened on where it is handed to. */
export class HeldSocket extends net.Server {
  declare _handle: SocketHandle | null;

  get handle(): SocketHandle | null {
    return this._handle;
  }

  override listen(...[given]: unknown[]): this {
    this.#bind(given as Given).then(
      (handle) => {
        this._handle = handle;
        this.emit('listening');
      },
      (error: unknown) => this.emit('error', error),
    );
    return this;
  }

  async #bind(given: Given): Promise<SocketHandle> {
    if (isHandle(given)) return given;
    if ('fd' in given) return checked(createHandle(null, null, null, given.fd));
    const { address, family } = await lookup(given.host);
    return checked(createHandle(address, given.port, family));
  }
}

function isHandle(given: Given | SocketHandle): given is SocketHandle {
  return 'getsockname' in given;
}

// That a port is taken shows when its name is asked for.
function checked(made: SocketHandle | number): SocketHandle {
  const error = typeof made === 'number' ? made : made.getsockname({});
  if (typeof made !== 'number' && error === 0) return made;
  if (typeof made !== 'number') made.close();
  const code = getSystemErrorName(error);
  throw Object.assign(new Error(`bind ${code}`), { code, syscall: 'bind' });
}
