/** What the contract suite needs to know of a cloud, and to do in it, beside the port that it tests. */
import type { CloudConnectionOptions, NetworkRef, PeerSide } from '#domain';
import type { Simulators } from '../../apps/cloud-sim/src/simulator.js';

/**
 * The cloud's own names of the calls in which the port's methods have their effect (or, for the first two, their
 * answer). Faults are aimed at them and effects counted by them.
 */
export interface WireOperations {
  readonly observePeerings: string;
  readonly observeRoutes: string;
  /** Customer-initiated clouds. */
  readonly accept?: string;
  readonly reject?: string;
  readonly delete?: string;
  /** Platform-initiated clouds. */
  readonly request?: string;
  readonly withdraw?: string;
  /** Clouds in which the platform writes its routes. */
  readonly ensureRoute?: string;
  readonly removeRoute?: string;
}

/** What the customer has made. */
export interface CustomerRequest {
  readonly providerId: string;
  /** The customer's side as the port has to report it once all of it is visible. */
  readonly customer: PeerSide;
}

/** A running simulator of the cloud with its customer. Every method works on what is there since the latest reset. */
export interface CloudHarness {
  readonly simulators: Simulators;
  /** Empties the cloud, renews its accounts, and stops its clock. */
  reset(): void;
  /** How the platform connects. */
  options(): CloudConnectionOptions;
  /** Everything secret in these options, and what the simulator has issued on top. */
  secrets(): readonly string[];
  /** A platform VPC with this block. */
  createNetwork(cidr: string): Promise<NetworkRef>;
  /** Clouds in which the platform writes its routes. */
  readonly tables?: {
    /** One more route table in a platform VPC; answers with its id. */
    create(network: NetworkRef): Promise<string>;
    /** Writes a route that is not the broker's; answers with what it leads to. */
    putForeignRoute(network: NetworkRef, routeTableId: string, destination: string): Promise<string>;
  };
  /**
   * The customer's part of a new connection with this block: the pending request, or, where the platform asks, what it
   * asks to join.
   */
  createRequest(network: NetworkRef, cidr: string): Promise<CustomerRequest>;
  /** Clouds in which a VPC may have many: pending requests to one VPC; answers with their ids. */
  seedRequests?(network: NetworkRef, count: number): Promise<readonly string[]>;
  /** The customer ends what they made, whatever state it is in. */
  deleteAsCustomer(request: CustomerRequest): Promise<void>;
  /** Platform-initiated clouds: what the customer answers to the platform's request. */
  readonly answer?: {
    approve(request: CustomerRequest): Promise<void>;
    refuse(request: CustomerRequest): Promise<void>;
  };
  close(): Promise<void>;
}
