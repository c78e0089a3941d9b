import { renameSync } from 'node:fs';
import { FailedError } from '../errors.ts';
import { runToEnd } from '../process/system-commands.ts';
import { removeFile, writeWhole } from '../state/whole-file.ts';
import { backendConfig, type EngineServer, pagesFile } from './config/backend-config.ts';
import { doorConfig } from './config/door-config.ts';
import type { EngineOptions } from './config/engine-options.ts';
import type { EngineFiles } from './engine-files.ts';
import type { HaproxyProgram } from './program.ts';

export interface ConfigDeps {
  readonly program: HaproxyProgram;
  readonly env: Readonly<Record<string, string>>;
  readonly files: EngineFiles;
  readonly options: EngineOptions;
  readonly doorId: string;
}

/** The two files that HAProxy is started with: each is written aside, checked, then renamed. */
export class ConfigFiles {
  readonly #deps: ConfigDeps;
  /** What changes only with flags and versions. */
  readonly door: string;
  /** As they are, and HAProxy takes them. */
  #written = '';
  #doorWritten = false;

  constructor(deps: ConfigDeps) {
    this.#deps = deps;
    this.door = doorConfig(deps.doorId, deps.options, deps.files);
  }

  /**
   * Both, for a start or a reload.
   * @throws FailedError with what HAProxy says against them; then they are as they were
   */
  async writeAll(servers: readonly EngineServer[]): Promise<void> {
    const { files } = this.#deps;
    if (this.#doorWritten) return await this.writeServers(servers);
    const draft = aside(files.door);
    writeWhole(draft, this.door);
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
    writeWhole(files.pages, pagesFile(servers));
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
    const { program, env, options } = this.#deps;
    const args = ['-c', '-f', door, '-f', servers];
    const { code, said } = await runToEnd(program.path, args, env, options.engineCheckMs);
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
