import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { FailedError } from '../errors.ts';
import { runToEnd } from '../process/system-commands.ts';
import { removeFile, writeWhole } from '../state/whole-file.ts';
import { backendConfig, type EngineServer, pagesFile } from './config/backend-config.ts';
import { doorConfig } from './config/door-config.ts';
import type { EngineOptions } from './config/engine-options.ts';
import { digest, type EngineFiles } from './engine-files.ts';
import type { HaproxyProgram } from './program.ts';

export interface ConfigDeps {
  readonly program: HaproxyProgram;
  readonly env: Readonly<Record<string, string>>;
  readonly files: EngineFiles;
  readonly options: EngineOptions;
  readonly doorId: string;
  /** Writes what HAProxy reads besides. */
  writeOthers(ids: readonly string[]): void;
}

/** Stands for any: what is said of each server changes with flags too. */
const ANY: EngineServer = { id: 'aaaaaa', host: '127.0.0.1', port: 1, page: '/' };

/** The two files that HAProxy is started with: each is written aside, checked, then renamed. */
export class ConfigFiles {
  readonly #deps: ConfigDeps;
  /** Of all that flags and versions say, ours and HAProxy's, whatever servers there are. */
  readonly digest: string;
  readonly #door: string;
  /** As they are, and HAProxy takes them. */
  #written = '';
  #doorWritten = false;

  constructor(deps: ConfigDeps) {
    this.#deps = deps;
    this.#door = doorConfig(deps.doorId, deps.options, deps.files);
    this.digest = digest([deps.program.version, this.#door, this.#text([ANY])].join('\n'));
  }

  /**
   * Both, for a start or a reload.
   * @throws FailedError with what HAProxy says against them; then they are as they were
   */
  async writeAll(servers: readonly EngineServer[]): Promise<void> {
    const { files } = this.#deps;
    if (this.#doorWritten) return await this.writeServers(servers);
    const draft = aside(files.door);
    writeWhole(draft, this.#door);
    await this.#write(servers, draft);
    renameSync(draft, files.door);
    this.#doorWritten = true;
  }

  /** The second alone, if it is another than before. */
  async writeServers(servers: readonly EngineServer[]): Promise<void> {
    if (this.#text(servers) !== this.#written) await this.#write(servers, this.#deps.files.door);
  }

  async #write(servers: readonly EngineServer[], door: string): Promise<void> {
    const { files } = this.#deps;
    const text = this.#text(servers);
    const draft = aside(files.servers);
    writeWhole(join(files.folder, files.pages), pagesFile(servers));
    this.#deps.writeOthers(servers.map(({ id }) => id));
    writeWhole(draft, text);
    await this.#check(door, draft);
    renameSync(draft, files.servers);
    this.#written = text;
  }

  #text(servers: readonly EngineServer[]): string {
    const { doorId, options, files } = this.#deps;
    return backendConfig(doorId, servers, options, files);
  }

  // A warning is a fault of ours too.
  async #check(door: string, servers: string): Promise<void> {
    const { program, env, options, files } = this.#deps;
    const check = { command: program.path, args: ['-c', '-f', door, '-f', servers], env };
    const { code, said } = await runToEnd({ ...check, cwd: files.folder }, options.engineCheckMs);
    const wrong = said.split('\n').find((line) => /\[(ALERT|WARNING)\]/.test(line));
    if (code === 0 && wrong === undefined) return;
    removeFile(servers);
    const how = code === null ? 'it did not end in time' : `exit code ${code}`;
    const message = `HAProxy ${program.version} does not take its configuration: ${wrong ?? how}`;
    throw new FailedError('haproxy-config', message, 'Please report it, with that version');
  }
}

function aside(path: string): string {
  return `${path}.new`;
}
