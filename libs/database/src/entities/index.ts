/** One entity per table; they never leave this library. */
import { AddressClaimEntity } from './address-claim.entity.js';
import { ApiKeyEntity } from './api-key.entity.js';
import { AuditEventEntity } from './audit-event.entity.js';
import { BoundResourceEntity } from './bound-resource.entity.js';
import { CallPaceEntity } from './call-pace.entity.js';
import { CloudCircuitEntity } from './cloud-circuit.entity.js';
import { CloudPauseEntity } from './cloud-pause.entity.js';
import { ConnectionEventEntity } from './connection-event.entity.js';
import { DeploymentEntity } from './deployment.entity.js';
import { FormerConnectionEntity } from './former-connection.entity.js';
import { IdempotencyKeyEntity } from './idempotency-key.entity.js';
import { OrphanCheckEntity } from './orphan-check.entity.js';
import { OrphanEntity } from './orphan.entity.js';
import { PeeringConnectionEntity } from './peering-connection.entity.js';
import { PlatformAccountEntity } from './platform-account.entity.js';
import { ProjectEntity } from './project.entity.js';
import { QuotaEntity } from './quota.entity.js';
import { ReservedRangeEntity } from './reserved-range.entity.js';
import { TenantEntity } from './tenant.entity.js';
import { WriteTurnEntity } from './write-turn.entity.js';

export const ENTITIES = [
  TenantEntity,
  ProjectEntity,
  ApiKeyEntity,
  PlatformAccountEntity,
  DeploymentEntity,
  PeeringConnectionEntity,
  AddressClaimEntity,
  ReservedRangeEntity,
  ConnectionEventEntity,
  AuditEventEntity,
  IdempotencyKeyEntity,
  QuotaEntity,
  BoundResourceEntity,
  CloudPauseEntity,
  CallPaceEntity,
  CloudCircuitEntity,
  WriteTurnEntity,
  OrphanCheckEntity,
  OrphanEntity,
  FormerConnectionEntity,
];
