import type { ActionsOf, AtriumClient, Component, EventData, PatchOperation, Room } from '../src/index.js';
import { Names } from './members.js';
import { Store } from './store.js';

/** What the activity panel shows of a frame. */
export interface Activity {
  key: number;
  time: Date;
  kind: 'event' | 'patch' | 'presence' | 'snapshot' | 'component' | 'connection';
  /** The room or component that it is of, if any. */
  source: string;
  title: string;
  detail: string;
  offset: string;
}

const kActivities = 100;
const kDetail = 400;

/** The last frames that reached this page, newest first. */
export class ActivityLog extends Store<readonly Activity[]> {
  private readonly known = new WeakSet<Room>();
  private readonly names = new Names();
  private lastKey = 0;

  constructor() {
    super([]);
  }

  watch(client: AtriumClient): void {
    let wasOnline = false;
    client.onStatus((status, { error, resumed }) => {
      const told = status === 'online' || (status === 'offline' && wasOnline) || status === 'closed';
      wasOnline = status === 'online';
      if (told && error?.reason !== 'CLOSED') {
        this.add('connection', '', status, wasOnline ? `session ${client.sessionId}${resumed ? ' goes on' : ''}` : (error?.message ?? ''));
      }
    });
    client.onRoom((room) => this.watchRoom(room));
  }

  watchComponent<State, Actions extends ActionsOf<Actions>>(component: Component<State, Actions>): void {
    const tellMount = () => this.add('component', component.name, 'mounted', component.id);
    tellMount();
    component.onMount(tellMount);
    component.onState((_, operations) => this.addPatch('component', component.name, operations));
  }

  // Called each time that this client comes into a room, right after its snapshot.
  private watchRoom(room: Room): void {
    this.names.learn(room.members);
    this.add('snapshot', room.id, 'snapshot', brief(room.state), room.position.offset);
    if (this.known.has(room)) {
      return;
    }
    this.known.add(room);
    room.onMembers((members) => this.names.learn(members));
    room.onState((_, operations) => this.addPatch('patch', room.id, operations, room.position.offset));
    room.on('*', (data, { event, offset }) => {
      if (event === '$sub:join' || event === '$sub:leave') {
        const { subscriberId } = data as { subscriberId: string };
        this.add('presence', room.id, event === '$sub:join' ? 'joined' : 'left', this.names.of(subscriberId));
      } else {
        this.add('event', room.id, event, brief(data), offset);
      }
    });
    room.onLeft(({ reason }) => this.add('presence', room.id, 'left the room', reason));
  }

  private addPatch(kind: Activity['kind'], source: string, operations: readonly PatchOperation[], offset = ''): void {
    for (const { op, path, value } of operations) {
      this.add(kind, source, `${op} ${path}`, op === 'remove' ? '' : brief(value ?? null), offset);
    }
  }

  private add(kind: Activity['kind'], source: string, title: string, detail: string, offset = ''): void {
    const entry = { key: ++this.lastKey, time: new Date(), kind, source, title, detail, offset };
    this.replace([entry, ...this.view.slice(0, kActivities - 1)]);
  }
}

function brief(data: EventData): string {
  const text = data instanceof Uint8Array ? `${data.length} bytes` : JSON.stringify(data);
  return text.length > kDetail ? `${text.slice(0, kDetail)}…` : text;
}
