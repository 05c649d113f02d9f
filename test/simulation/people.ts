/**
 * The people around the broker: customers who ask, approve, refuse, delete and change their minds, operators who lock and
 * mend, and others in the same cloud who know of nothing. What they do is drawn once and at moments when it hurts.
 */
import type { CloudId, CloudSpec, DeclaredSpec, PlatformNetwork } from '#domain';

import { AttachmentCloud } from './attachment-cloud.js';
import type { MemoryDatabase } from './memory-database.js';
import { PeeringCloud } from './peering-cloud.js';
import type { RandomSource } from './random-source.js';
import type { SimulatedApi } from './simulated-api.js';
import type { VirtualScheduler } from './virtual-scheduler.js';

/** What customers have in their networks: some of it overlaps, one touches the reserved range. */
const BLOCKS = [
  ['172.16.0.0/16'],
  ['172.16.128.0/17'],
  ['172.17.0.0/16', '192.168.0.0/24'],
  ['172.18.0.0/16'],
  ['192.168.0.0/16'],
  ['10.20.0.0/16'],
] as const;

export interface PeopleSurroundings {
  readonly scheduler: VirtualScheduler;
  readonly random: RandomSource;
  readonly cloud: PeeringCloud | AttachmentCloud;
  readonly api: SimulatedApi;
  readonly database: MemoryDatabase;
  readonly networks: readonly PlatformNetwork[];
  readonly trace: (line: () => string) => void;
}

/** One customer's project: a network of theirs and a connection to the platform. */
interface Project {
  readonly connectionId: string;
  readonly network: PlatformNetwork;
  readonly accountId: string;
  readonly vpcId: string;
  readonly cidrs: readonly string[];
  /** The latest request, or the CCN. */
  requestId: string;
}

type Deed = (project: Project) => void;

export class People {
  readonly #projects: Project[] = [];
  readonly #deeds: readonly (readonly [weight: number, name: string, deed: Deed])[];
  #isOver = false;
  #end = 0;
  #requests = 0;

  constructor(private readonly around: PeopleSurroundings) {
    this.#deeds =
      around.cloud instanceof PeeringCloud
        ? this.#askingDeeds(around.cloud)
        : this.#answeringDeeds(around.cloud);
  }

  /** Draws what everybody does until a time; from then on nobody does anything. */
  begin(until: number): void {
    const { networks, random, scheduler } = this.around;
    const count = random.pick([1, 1, 2, 2, 3, 4]);
    const span = until - scheduler.now;
    this.#end = until;
    for (let number = 1; number <= count; number += 1) {
      this.#projects.push(this.#makeProject(number, random.pick(networks)));
    }
    for (const project of [...this.#projects]) {
      this.#start(project);
      const deeds = random.pick([0, 1, 2, 4, 7]);
      for (let deed = 0; deed < deeds; deed += 1) {
        scheduler.after(random.below(span), null, () => this.#act(project));
      }
    }
    scheduler.at(until, null, () => (this.#isOver = true));
  }

  /** The broker has just changed something: now and then this is when somebody acts. */
  react(): void {
    const { random, scheduler } = this.around;
    if (this.#isOver || !random.chance(0.08)) return;
    scheduler.after(random.pick([0, 20, 200, 1_000, 3_000]), null, () =>
      this.#act(random.pick(this.#projects)),
    );
  }

  get connectionIds(): readonly string[] {
    return this.#projects.map(({ connectionId }) => connectionId);
  }

  #act(project: Project): void {
    if (this.#isOver) return;
    const { random, trace } = this.around;
    let left = random.next() * this.#deeds.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, name, deed] of this.#deeds) {
      left -= weight;
      if (left >= 0) continue;
      trace(() => `people: ${name} (${project.connectionId}, ${project.requestId})`);
      deed(project);
      return;
    }
  }

  #makeProject(number: number, network: PlatformNetwork): Project {
    const { random } = this.around;
    return {
      connectionId: `peer_${number}`,
      network,
      accountId: `21098765432${number}`,
      vpcId: `vpc-0000000${number}`,
      cidrs: random.pick(BLOCKS),
      requestId: this.#newRequestId(number),
    };
  }

  #newRequestId(number = 0): string {
    this.#requests += 1;
    const { cloud } = this.around.cloud;
    if (cloud === 'tencent') return `ccn-0000000${number}`;
    return `${cloud === 'alibaba' ? 'pcc' : 'pcx'}-${String(this.#requests).padStart(8, '0')}`;
  }

  /** The customer asks in the cloud and declares it, in whichever order, and not always truly. */
  #start(project: Project): void {
    const { cloud, random, scheduler } = this.around;
    const declares = scheduler.now + random.pick([0, 500, 3_000, 15_000]);
    if (cloud instanceof AttachmentCloud) {
      if (!random.chance(0.06)) {
        cloud.ccns.set(project.requestId, {
          id: project.requestId,
          ownerId: random.chance(0.06) ? '999999999999' : project.accountId,
          cidrs: project.cidrs,
        });
      }
    } else if (!random.chance(0.06)) {
      scheduler.after(random.pick([0, 300, 2_000, 10_000]), null, () => this.#request(cloud, project));
    }
    scheduler.at(declares, null, () => {
      if (!this.#isOver) this.#declare(project);
    });
  }

  #request(cloud: PeeringCloud, project: Project): void {
    const { networks, random } = this.around;
    const { accountId, cidrs, network, requestId, vpcId } = project;
    const strange = random.weighted({ none: 12, account: 1, vpc: 1, network: 1, stranger: 0.5 });
    const other = networks.find((each) => each !== network);
    const requester = {
      accountId: strange === 'account' ? '666666666666' : accountId,
      vpcId: strange === 'vpc' ? 'vpc-66666666' : vpcId,
    };
    const accepter =
      strange === 'stranger'
        ? { accountId: '777777777777', vpcId: 'vpc-77777777' }
        : {
            accountId: network.accountId,
            vpcId: strange === 'network' && other ? other.vpcId : network.vpcId,
          };
    cloud.request(requestId, requester, accepter, cidrs);
  }

  #declare(project: Project): void {
    const { api, random, scheduler } = this.around;
    const spec = this.#specOf(project);
    if (random.chance(0.15)) {
      const { kind } = spec.cloud;
      const draft = { cloud: { kind } as CloudSpec, cidrs: [] };
      api.create(project.connectionId, project.network, draft);
      scheduler.after(random.between(100, 10_000), null, () => {
        if (!this.#isOver) api.patch(project.connectionId, spec.cloud, spec.cidrs);
      });
    } else if (!api.create(project.connectionId, project.network, spec)) {
      // A careful client asks again when the broker could not answer.
      scheduler.after(5_000, null, () => {
        if (!this.#isOver) api.create(project.connectionId, project.network, spec);
      });
    }
  }

  #specOf(project: Project): DeclaredSpec {
    const { random } = this.around;
    const { accountId, cidrs, network, requestId, vpcId } = project;
    const clouds: Readonly<Record<CloudId, () => CloudSpec>> = {
      aws: () => ({ kind: 'aws', connectionId: requestId, accountId, vpcId }),
      alibaba: () => ({
        kind: 'alibaba',
        requesterInstanceId: random.chance(0.3) ? vpcId : requestId,
        ...(random.chance(0.5) ? { accountId } : {}),
      }),
      huawei: () => ({
        kind: 'huawei',
        connectionId: requestId,
        vpcId,
        userId: 'user',
        projectId: accountId,
      }),
      outscale: () => ({ kind: 'outscale', netPeeringId: requestId, accountId, netId: vpcId }),
      tencent: () => ({ kind: 'tencent', ccnId: requestId, ccnOwnerUin: accountId }),
    };
    const declares = network.cloud === 'huawei' || random.chance(0.3);
    return { cloud: clouds[network.cloud](), cidrs: declares ? cidrs : [] };
  }

  /** What anybody may ask of the API at any time. */
  #asked(): readonly (readonly [number, string, Deed])[] {
    const { api, random, scheduler } = this.around;
    return [
      [1.5, 'deletes the connection', ({ connectionId }) => api.delete(connectionId)],
      [2, 'asks for another attempt', ({ connectionId }) => api.retry(connectionId)],
      [0.4, 'has it looked at', ({ connectionId }) => api.refresh(connectionId)],
      [
        0.5,
        'locks the connection for a while',
        ({ connectionId }) => {
          if (!api.lock(connectionId)) return;
          scheduler.after(random.between(500, 20_000), null, () => api.unlock(connectionId));
        },
      ],
    ];
  }

  #askingDeeds(cloud: PeeringCloud): readonly (readonly [number, string, Deed])[] {
    const { api, random, scheduler } = this.around;
    const someTable = ({ network }: Project): string => random.pick(cloud.tablesOf(network).ids);
    return [
      ...this.#asked(),
      [1.5, 'the customer takes the request back', ({ requestId }) => cloud.deleteAsCustomer(requestId)],
      [0.4, 'somebody rejects in the console', ({ requestId }) => cloud.rejectInConsole(requestId)],
      [
        1.5,
        'the customer asks anew and declares that',
        (project) => {
          const id = this.#newRequestId();
          project.requestId = id;
          this.#request(cloud, project);
          const { cloud: spec } = this.#specOf(project);
          scheduler.after(random.between(0, 2_000), null, () => {
            if (!this.#isOver) api.patch(project.connectionId, spec);
          });
        },
      ],
      [
        1,
        'the customer changes their blocks',
        ({ requestId }) => cloud.changeBlocks(requestId, random.pick(BLOCKS)),
      ],
      [
        1,
        'somebody removes a route',
        (project) => {
          const table = someTable(project);
          const entries = cloud
            .trueRoutes(project.network)
            .find(({ routeTableId }) => routeTableId === table);
          const [entry] = entries?.routes ?? [];
          if (entry) cloud.tablesOf(project.network).put(scheduler.now, table, entry.destination, null);
        },
      ],
      [
        0.6,
        'a foreign route stands in the way for a while',
        (project) => {
          const table = someTable(project);
          const [destination = ''] = project.cidrs;
          const tables = cloud.tablesOf(project.network);
          if (tables.at(table, destination) !== null) return;
          tables.put(scheduler.now, table, destination, { target: 'igw-1', mark: null });
          const until = Math.min(scheduler.now + random.between(2_000, 40_000), this.#end);
          scheduler.at(until, null, () => tables.remove(scheduler.now, table, destination, 'igw-1'));
        },
      ],
      [
        0.8,
        'another connection declares the same request',
        (project) => {
          const rival = { ...project, connectionId: `peer_${this.#projects.length + 1}` };
          if (api.create(rival.connectionId, rival.network, this.#specOf(rival))) this.#projects.push(rival);
        },
      ],
    ];
  }

  #answeringDeeds(cloud: AttachmentCloud): readonly (readonly [number, string, Deed])[] {
    const { api, database, random } = this.around;
    return [
      ...this.#asked(),
      [6, 'the customer approves', ({ network, requestId }) => cloud.approve(requestId, network.vpcId)],
      [
        2,
        'the customer refuses or detaches',
        ({ network, requestId }) => cloud.refuse(requestId, network.vpcId),
      ],
      [
        0.6,
        'somebody else of the platform applies',
        ({ network, requestId }) => cloud.applyAsForeigner(requestId, network.vpcId),
      ],
      [
        0.8,
        'the customer changes their blocks',
        ({ requestId }) => cloud.changeBlocks(requestId, random.pick(BLOCKS)),
      ],
      [
        1,
        'the customer approves at the last moment',
        ({ connectionId, network, requestId }) => {
          const { scheduler } = this.around;
          const at = database.connections.get(connectionId)?.status.deadline?.at;
          if (at === undefined) return;
          const moment = at + random.pick([-6_000, -3_500, -800, -10, 0, 10, 300, 2_000]);
          scheduler.at(moment, null, () => {
            if (!this.#isOver) cloud.approve(requestId, network.vpcId);
          });
        },
      ],
      [
        0.8,
        'another connection declares the same network',
        (project) => {
          const rival = { ...project, connectionId: `peer_${this.#projects.length + 1}` };
          if (api.create(rival.connectionId, rival.network, this.#specOf(rival))) this.#projects.push(rival);
        },
      ],
    ];
  }
}
