import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The schema at birth. Hand-written: the guarantees that must hold under any race are here and not in code — the
 * exclusion constraint on address claims, the partial unique indexes on live connections, and row-level security.
 */
export class InitialSchema1763600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE EXTENSION IF NOT EXISTS btree_gist;

      CREATE TABLE tenants (
        id text PRIMARY KEY,
        name text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      );

      CREATE TABLE projects (
        id text PRIMARY KEY,
        tenant_id text NOT NULL REFERENCES tenants,
        name text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (tenant_id, name),
        UNIQUE (tenant_id, id)
      );

      CREATE TABLE api_keys (
        id text PRIMARY KEY,
        tenant_id text REFERENCES tenants,
        role text NOT NULL CHECK (role IN ('operator', 'administrator', 'project_admin', 'project_user', 'accountant', 'auditor')),
        project_ids text[],
        display_name text NOT NULL DEFAULT '',
        secret_hash bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz,
        revoked_at timestamptz,
        CHECK ((role = 'operator') = (tenant_id IS NULL))
      );
      CREATE INDEX api_keys_tenant ON api_keys (tenant_id, id);

      CREATE TABLE platform_accounts (
        id text PRIMARY KEY,
        cloud text NOT NULL,
        account_id text NOT NULL,
        display_name text NOT NULL DEFAULT '',
        -- AES-256-GCM envelope of the credentials; never leaves the worker in clear
        credentials bytea NOT NULL,
        credentials_kind text NOT NULL,
        endpoints jsonb NOT NULL DEFAULT '{}',
        -- 'refused': the cloud rejected the credentials; nothing is asked of it until an operator changes them
        status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'refused')),
        status_detail text NOT NULL DEFAULT '',
        status_at timestamptz NOT NULL DEFAULT now(),
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (cloud, account_id)
      );

      -- Here and below a row names its tenant together with what it belongs to: nothing of one tenant can hang on
      -- something of another.
      CREATE TABLE deployments (
        id text PRIMARY KEY,
        tenant_id text NOT NULL,
        project_id text NOT NULL,
        name text NOT NULL,
        cloud text NOT NULL,
        region text NOT NULL,
        edition text NOT NULL,
        status text NOT NULL DEFAULT 'active' CHECK (status IN ('creating', 'active', 'stopped')),
        platform_account_id text NOT NULL REFERENCES platform_accounts,
        vpc_id text NOT NULL,
        route_table_ids text[],
        drift_policy text NOT NULL DEFAULT 'repair' CHECK (drift_policy IN ('repair', 'report', 'ask')),
        -- result of comparing the declared VPC with the cloud, and when that is to be done next
        vpc_checked_at timestamptz,
        vpc_problem text,
        vpc_check_due_at timestamptz DEFAULT now(),
        -- the lease under which one worker works on this network; fence grows with every lease
        lease_owner text,
        lease_until timestamptz,
        fence bigint NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        FOREIGN KEY (tenant_id, project_id) REFERENCES projects (tenant_id, id),
        UNIQUE (platform_account_id, region, vpc_id),
        UNIQUE (tenant_id, id)
      );
      CREATE INDEX deployments_project ON deployments (project_id, id);
      CREATE INDEX deployments_check_due ON deployments (vpc_check_due_at) WHERE vpc_check_due_at IS NOT NULL;

      CREATE TABLE peering_connections (
        id text PRIMARY KEY,
        tenant_id text NOT NULL,
        project_id text NOT NULL,
        deployment_id text NOT NULL,
        cloud text NOT NULL,
        region text NOT NULL,
        display_name text NOT NULL DEFAULT '',
        -- what is wanted: written by the API
        desired text NOT NULL DEFAULT 'present' CHECK (desired IN ('present', 'absent')),
        -- json and not jsonb here and below: nothing asks for parts of it, and it comes back as it was written
        spec json NOT NULL,
        locked_note text,
        -- what is: written by the worker (and by the API where an attempt or a deletion begins)
        state text NOT NULL,
        reason_code text NOT NULL,
        status json NOT NULL,
        provider_id text,
        -- what identifies the customer's network; with the deployment it names a pair of networks
        peer_key text,
        -- 1 where the cloud allows one live connection per platform network
        sole boolean NOT NULL DEFAULT false,
        -- the connection holds, or may come to hold, something in the cloud
        live boolean NOT NULL DEFAULT true,
        due_at timestamptz,
        deadline_at timestamptz,
        last_observed_at timestamptz,
        -- grows with every write; the ETag, and the fence between the API and the worker
        version bigint NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        deleted_at timestamptz,
        FOREIGN KEY (tenant_id, deployment_id) REFERENCES deployments (tenant_id, id),
        UNIQUE (tenant_id, id)
      );
      CREATE INDEX peering_connections_due ON peering_connections (due_at, deployment_id) WHERE due_at IS NOT NULL;
      CREATE INDEX peering_connections_engaged ON peering_connections (deployment_id) WHERE due_at IS NOT NULL;
      CREATE INDEX peering_connections_deployment ON peering_connections (deployment_id, id);
      CREATE INDEX peering_connections_state ON peering_connections (state, id);
      CREATE INDEX peering_connections_live ON peering_connections (tenant_id, deployment_id) WHERE live;
      CREATE UNIQUE INDEX peering_connections_pair ON peering_connections (deployment_id, peer_key)
        WHERE live AND peer_key IS NOT NULL;
      CREATE UNIQUE INDEX peering_connections_provider ON peering_connections (deployment_id, provider_id)
        WHERE live AND provider_id IS NOT NULL;
      CREATE UNIQUE INDEX peering_connections_sole ON peering_connections (deployment_id) WHERE live AND sole;

      -- Who holds which block around a deployment: the deployment itself and its live connections. Two holders can
      -- never have overlapping blocks, whatever races.
      CREATE TABLE address_claims (
        deployment_id text NOT NULL,
        tenant_id text NOT NULL,
        connection_id text,
        block inet NOT NULL CHECK (network(block) = block),
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (deployment_id, block),
        FOREIGN KEY (tenant_id, deployment_id) REFERENCES deployments (tenant_id, id) ON DELETE CASCADE,
        FOREIGN KEY (tenant_id, connection_id) REFERENCES peering_connections (tenant_id, id) ON DELETE CASCADE,
        CONSTRAINT address_claims_disjoint EXCLUDE USING gist (deployment_id WITH =, block inet_ops WITH &&)
      );
      CREATE INDEX address_claims_connection ON address_claims (connection_id);
      CREATE INDEX address_claims_own ON address_claims (deployment_id) WHERE connection_id IS NULL;

      CREATE TABLE reserved_ranges (
        id text PRIMARY KEY,
        version integer NOT NULL,
        range_from inet NOT NULL,
        range_to inet NOT NULL CHECK (range_to >= range_from AND family(range_to) = family(range_from)),
        -- null: every cloud
        cloud text,
        note text NOT NULL DEFAULT '',
        effective_from timestamptz NOT NULL DEFAULT now(),
        effective_until timestamptz CHECK (effective_until > effective_from),
        created_at timestamptz NOT NULL DEFAULT now()
      );

      CREATE FUNCTION address_claim_avoids_reserved_ranges() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE
        reserved reserved_ranges;
      BEGIN
        IF NEW.connection_id IS NULL THEN RETURN NEW; END IF;
        SELECT r.* INTO reserved FROM reserved_ranges r JOIN deployments d ON d.id = NEW.deployment_id
          WHERE (r.cloud IS NULL OR r.cloud = d.cloud)
            AND r.effective_from <= now() AND (r.effective_until IS NULL OR r.effective_until > now())
            AND host(broadcast(NEW.block))::inet >= r.range_from AND host(NEW.block)::inet <= r.range_to
          LIMIT 1;
        IF FOUND THEN
          RAISE EXCEPTION 'block % touches the reserved range % - %', NEW.block, host(reserved.range_from), host(reserved.range_to)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'address_claims_not_reserved';
        END IF;
        RETURN NEW;
      END $$;
      -- Inserts only: a connection that was made under an older version of the ranges keeps its blocks.
      CREATE TRIGGER address_claims_not_reserved BEFORE INSERT ON address_claims
        FOR EACH ROW EXECUTE FUNCTION address_claim_avoids_reserved_ranges();

      -- The published range, inclusive at both ends: 10.10.0.0/24 ~ 10.64.255.0/24.
      INSERT INTO reserved_ranges (id, version, range_from, range_to, note, effective_from)
        VALUES ('rsv_00000000000000000000000001', 1, '10.10.0.0', '10.64.255.255', 'platform networks', 'epoch');

      CREATE TABLE connection_events (
        seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id text NOT NULL UNIQUE,
        tenant_id text NOT NULL,
        connection_id text NOT NULL,
        type text NOT NULL,
        actor text NOT NULL,
        data json NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now(),
        FOREIGN KEY (tenant_id, connection_id) REFERENCES peering_connections (tenant_id, id) ON DELETE CASCADE
      );
      CREATE INDEX connection_events_connection ON connection_events (connection_id, seq);
      CREATE INDEX connection_events_tenant ON connection_events (tenant_id, seq);

      -- Outlives what it tells of, the tenant included.
      CREATE TABLE audit_events (
        id text PRIMARY KEY,
        tenant_id text,
        actor_key_id text NOT NULL,
        action text NOT NULL,
        target text NOT NULL,
        outcome text NOT NULL,
        request_id text NOT NULL,
        data json NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX audit_events_tenant ON audit_events (tenant_id, id);

      -- A stored answer lives in the scope of the key's owner: a tenant, or 'operator'.
      CREATE TABLE idempotency_keys (
        scope text NOT NULL,
        key text NOT NULL,
        request_hash bytea NOT NULL,
        response_status integer NOT NULL,
        response_headers json NOT NULL,
        response_body json NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (scope, key)
      );
      CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

      CREATE TABLE quotas (
        tenant_id text NOT NULL REFERENCES tenants,
        name text NOT NULL,
        value integer NOT NULL CHECK (value >= 0),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, name)
      );

      -- Data-integration resources (connectors, actions) that need a running connection.
      CREATE TABLE bound_resources (
        id text PRIMARY KEY,
        tenant_id text NOT NULL,
        deployment_id text NOT NULL,
        connection_id text NOT NULL,
        kind text NOT NULL,
        name text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        FOREIGN KEY (tenant_id, deployment_id) REFERENCES deployments (tenant_id, id),
        FOREIGN KEY (tenant_id, connection_id) REFERENCES peering_connections (tenant_id, id),
        UNIQUE (deployment_id, kind, name)
      );
      CREATE INDEX bound_resources_connection ON bound_resources (connection_id);

      -- Clouds that an operator has paused: region '' stands for all regions.
      CREATE TABLE cloud_pauses (
        cloud text NOT NULL,
        region text NOT NULL DEFAULT '',
        note text NOT NULL DEFAULT '',
        paused_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (cloud, region)
      );

      -- Long polls wait for this instead of asking again and again.
      CREATE FUNCTION announce_peering_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM pg_notify('peering_changed', NEW.id);
        RETURN NULL;
      END $$;
      CREATE TRIGGER peering_connections_announce AFTER UPDATE ON peering_connections FOR EACH ROW
        WHEN ((OLD.state, OLD.reason_code) IS DISTINCT FROM (NEW.state, NEW.reason_code))
        EXECUTE FUNCTION announce_peering_change();

      -- Customer requests run as this role, which sees the rows of one tenant only.
      -- Where this user may not make or grant roles, an administrator does it once for the whole server.
      DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'peering_broker_tenant') THEN
          BEGIN
            CREATE ROLE peering_broker_tenant NOLOGIN;
          EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
          END;
        END IF;
        BEGIN
          GRANT peering_broker_tenant TO CURRENT_USER;
        EXCEPTION WHEN insufficient_privilege THEN
          IF NOT pg_has_role(CURRENT_USER, 'peering_broker_tenant', 'MEMBER') THEN
            RAISE EXCEPTION 'An administrator has to run: GRANT peering_broker_tenant TO %', quote_ident(CURRENT_USER);
          END IF;
        END;
      END $$;
      GRANT USAGE ON SCHEMA public TO peering_broker_tenant;
      GRANT SELECT ON tenants, projects, deployments, reserved_ranges, quotas, audit_events, cloud_pauses TO peering_broker_tenant;
      GRANT SELECT, INSERT, UPDATE ON api_keys, peering_connections TO peering_broker_tenant;
      GRANT SELECT, INSERT, DELETE ON address_claims, bound_resources TO peering_broker_tenant;
      GRANT SELECT, INSERT ON connection_events, idempotency_keys TO peering_broker_tenant;
      GRANT INSERT ON audit_events TO peering_broker_tenant;
      -- The tenant sees the account number of the platform, never its credentials.
      GRANT SELECT (id, cloud, account_id) ON platform_accounts TO peering_broker_tenant;
    `);
    const byTenant = [
      'projects',
      'api_keys',
      'deployments',
      'peering_connections',
      'address_claims',
      'connection_events',
      'audit_events',
      'quotas',
      'bound_resources',
    ];
    for (const table of byTenant) {
      await runner.query(`
        ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
        CREATE POLICY ${table}_of_tenant ON ${table} TO peering_broker_tenant
          USING (tenant_id = current_setting('peering_broker.tenant_id'))
          WITH CHECK (tenant_id = current_setting('peering_broker.tenant_id'));
      `);
    }
    await runner.query(`
      ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
      CREATE POLICY tenants_of_tenant ON tenants TO peering_broker_tenant
        USING (id = current_setting('peering_broker.tenant_id'));
      ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
      CREATE POLICY idempotency_keys_of_tenant ON idempotency_keys TO peering_broker_tenant
        USING (scope = current_setting('peering_broker.tenant_id'))
        WITH CHECK (scope = current_setting('peering_broker.tenant_id'));
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE cloud_pauses, bound_resources, quotas, idempotency_keys, audit_events, connection_events,
        address_claims, reserved_ranges, peering_connections, deployments, platform_accounts, api_keys, projects, tenants;
      DROP FUNCTION address_claim_avoids_reserved_ranges, announce_peering_change;
      DROP OWNED BY peering_broker_tenant;
    `);
  }
}
