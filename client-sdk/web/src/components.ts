import { Component, type ActionsOf } from './component.js';
import { AtriumError, Code } from './error.js';
import type { ComponentPatch, Json, JsonObject } from './protocol.js';
import type { Link } from './rooms.js';

export interface MountOptions {
  /** What the state starts with, beside what the component itself says; a function is asked at each mount. */
  state?: JsonObject | (() => JsonObject);
  /** The room that the component is in by default. */
  room?: string;
}

interface Entry {
  component: Component;
  options: MountOptions;
  wasMounted: boolean;
  resolve(component: Component): void;
  reject(error: AtriumError): void;
}

/** The components that a client has or wants to have. */
export class Components {
  private readonly entries = new Set<Entry>();
  // Those that the server has been asked to end.
  private readonly unmounted = new Set<string>();

  constructor(private readonly link: Link) {}

  mount<State, Actions extends ActionsOf<Actions>>(
    name: string,
    options: MountOptions,
  ): Promise<Component<State, Actions>> {
    const promise = new Promise<Component>((resolve, reject) => {
      const component: Component = new Component(name, {
        call: async (componentId, method, args) => {
          const { result } = await link.request('call', { componentId, method, args });
          return result ?? null;
        },
        unmount: () => this.unmount(entry),
        abandon: (why) => link.abandon(why),
      });
      const entry: Entry = { component, options, wasMounted: false, resolve, reject };
      const { link } = this;
      this.entries.add(entry);
      this.sendMount(entry);
    });
    return promise as Promise<unknown> as Promise<Component<State, Actions>>;
  }

  /** The session goes on over another connection: mounts what it was not told of. */
  goOn(): void {
    this.unmounted.clear();
    for (const entry of [...this.entries]) {
      if (!entry.component.mounted) {
        this.sendMount(entry);
      }
    }
  }

  /** There is another session: mounts all again. */
  startAnew(): void {
    for (const { component } of this.entries) {
      component.suspend();
    }
    this.goOn();
  }

  finish(error: AtriumError): void {
    const entries = [...this.entries];
    this.entries.clear();
    for (const entry of entries) {
      entry.reject(error);
      entry.component.end(error);
    }
  }

  receive(patch: ComponentPatch): void {
    for (const { component } of this.entries) {
      if (component.id === patch.componentId) {
        component.receive(patch);
        return;
      }
    }
    this.sendUnmount(patch.componentId); // The reply to its mount, or the request to end it, was lost.
  }

  private sendMount(entry: Entry): void {
    const { component, options } = entry;
    const { state, room } = options;
    const request: { component: string; state?: Json; room?: string } = { component: component.name };
    if (state !== undefined) {
      request.state = typeof state === 'function' ? state() : state;
    }
    if (room !== undefined) {
      request.room = room;
    }
    this.link.call(
      'mount',
      request,
      (mounted) => {
        if (!this.entries.has(entry)) {
          this.sendUnmount(mounted.componentId); // No longer wanted.
          return;
        }
        component.enter(mounted, entry.wasMounted);
        entry.wasMounted = true;
        entry.resolve(component);
      },
      (error) => {
        if (!error.isLoss && this.entries.delete(entry)) {
          entry.reject(error);
          component.end(error);
        }
      },
    );
  }

  private async unmount(entry: Entry): Promise<void> {
    const { id } = entry.component;
    this.entries.delete(entry);
    entry.component.suspend();
    entry.reject(new AtriumError(Code.CANCELLED, 'UNMOUNTED', 'The component was unmounted.'));
    if (id !== '') {
      this.unmounted.add(id);
      await this.link.request('unmount', { componentId: id }).catch((error: AtriumError) => {
        // Then it ends with the session; or, when that goes on, the server tells of it, and it is ended then.
        if (!error.isLoss) {
          throw error;
        }
      });
    }
  }

  private sendUnmount(componentId: string): void {
    if (!this.unmounted.has(componentId)) {
      this.unmounted.add(componentId);
      this.link.request('unmount', { componentId }).catch(() => {});
    }
  }
}
