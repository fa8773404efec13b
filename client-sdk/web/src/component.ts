import { AtriumError, Code } from './error.js';
import { Listeners, type Unsubscribe } from './listeners.js';
import { applyPatch } from './patch.js';
import {
  bytesOf,
  type ComponentPatch,
  type Json,
  type JsonObject,
  type Mounted,
  type PatchOperation,
} from './protocol.js';

/** Actions by their names, as methods: `{ vote(args: { option: number }): { success: boolean } }`. */
export type ActionsOf<Actions> = { [Name in keyof Actions]: (args: never) => unknown };

/** Any action, with whatever arguments. */
export type AnyActions = Record<string, (args?: JsonObject) => Json>;

type Arguments<Action> = Action extends (...args: infer Args) => unknown ? Args : never;
type Result<Action> = Action extends (...args: never) => infer Value ? Value : never;

/** @internal What a component needs of its client. */
export interface ComponentLink {
  call(componentId: string, method: string, args: JsonObject): Promise<Json>;
  unmount(): Promise<void>;
  /** The state cannot be kept up any more. */
  abandon(why: string): void;
}

/**
 * An object on the server that belongs to this session: its state is seen here, its actions are called here, and it
 * joins rooms. It lives as long as the session; in the next it is mounted again by itself, as a new one with another
 * id, in none of the rooms that its actions had joined: `onMount` is where to have them joined again.
 */
export class Component<State = JsonObject, Actions extends ActionsOf<Actions> = AnyActions> {
  private readonly stateListeners = new Listeners<[State, readonly PatchOperation[]]>();
  private readonly mountListeners = new Listeners<[]>();
  private readonly endListeners = new Listeners<[AtriumError]>();
  private readonly decoders: ((bytes: Uint8Array, state: State) => State | void)[] = [];
  private ownId = '';
  private document: Json = {};
  private version = 0;

  /** @internal Components come from `AtriumClient.mount`. */
  constructor(
    /** The class of the component, as the server registered it. */
    readonly name: string,
    private readonly link: ComponentLink,
  ) {}

  /** Empty while not mounted; another one in each session. It is also the id of the member that joins rooms. */
  get id(): string {
    return this.ownId;
  }

  get mounted(): boolean {
    return this.ownId !== '';
  }

  /** Never changed in place: each patch makes a new one, which shares what did not change. */
  get state(): State {
    return this.document as unknown as State;
  }

  /**
   * Calls an action and gives its result. It is sent once: fails at once with UNAVAILABLE while not mounted or without
   * a connection, and with CONNECTION_LOST when the server may have run it.
   */
  async call<Name extends keyof Actions & string>(
    action: Name,
    ...args: Arguments<Actions[Name]>
  ): Promise<Result<Actions[Name]>> {
    if (!this.mounted) {
      throw new AtriumError(
        Code.UNAVAILABLE,
        'NOT_MOUNTED',
        `The component ${this.name} is not mounted at the moment.`,
      );
    }
    const result = await this.link.call(this.ownId, action, (args[0] ?? {}) as JsonObject);
    return result as Result<Actions[Name]>;
  }

  /** Calls `listener` after each change of the state; `operations` is empty when it came whole or by bytes. */
  onState(listener: (state: State, operations: readonly PatchOperation[]) => void): Unsubscribe {
    return this.stateListeners.add(listener);
  }

  /** Calls `decoder` with the bytes that the component sends. What it returns, if anything, is the new state. */
  onBinary(decoder: (bytes: Uint8Array, state: State) => State | void): Unsubscribe {
    const own: typeof decoder = (bytes, state) => decoder(bytes, state);
    this.decoders.push(own);
    return () => void this.decoders.splice(this.decoders.indexOf(own), 1);
  }

  /** Calls `listener` each time that the component was mounted anew, in another session. */
  onMount(listener: () => void): Unsubscribe {
    return this.mountListeners.add(listener);
  }

  /** Calls `listener` when the component is gone for good, other than by `unmount`: refused, or the client closed. */
  onEnd(listener: (error: AtriumError) => void): Unsubscribe {
    return this.endListeners.add(listener);
  }

  /** Ends the component, on the server too; it leaves its rooms. */
  unmount(): Promise<void> {
    return this.link.unmount();
  }

  /** @internal */
  enter(mounted: Mounted, again: boolean): void {
    this.ownId = mounted.componentId;
    this.document = mounted.state ?? {};
    this.version = 0;
    if (again) {
      this.stateListeners.call(this.state, []);
      this.mountListeners.call();
    }
  }

  /** @internal The session is over, or the component. */
  suspend(): void {
    this.ownId = '';
  }

  /** @internal */
  end(error: AtriumError): void {
    this.ownId = '';
    this.endListeners.call(error);
  }

  /** @internal */
  receive(patch: ComponentPatch): void {
    const operations = patch.operations ?? [];
    const [whole] = operations;
    if (whole?.op === 'replace' && whole.path === '') {
      this.version = Number(patch.version ?? 0);
      this.document = whole.value ?? {};
      this.stateListeners.call(this.state, []);
      return;
    }
    try {
      if (patch.version !== undefined && Number(patch.version) !== ++this.version) {
        throw new Error(`version ${patch.version} where ${this.version} was expected`);
      }
      this.document = applyPatch(this.document, operations);
    } catch (error) {
      this.link.abandon(`The state of ${this.name} was lost: ${(error as Error).message}.`);
      return;
    }
    const before = this.document;
    if (patch.binary !== undefined) {
      this.decode(bytesOf(patch.binary));
    }
    if (operations.length > 0 || this.document !== before) {
      this.stateListeners.call(this.state, operations);
    }
  }

  private decode(bytes: Uint8Array): void {
    for (const decoder of [...this.decoders]) {
      const next = decoder(bytes, this.state);
      if (next !== undefined) {
        this.document = next as unknown as Json;
      }
    }
  }
}
