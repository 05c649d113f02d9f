import { reads, type OapiAnswer, type OapiCall, type OapiOperations } from './oapi-operation.js';
import { REGIONS } from './outscale-regions.js';
import { readPage } from './read-options.js';

/** Tells callers who they are and where they can go. */
export const ACCOUNT_OPERATIONS: OapiOperations = {
  ReadAccounts: reads(readAccounts),
  ReadRegions: reads(readRegions),
};

function readAccounts(call: OapiCall): OapiAnswer {
  const { accountId, name } = call.account;
  const { page, next } = readPage(call, [accountId], {
    idOf: (id) => id,
    sequenceOf: () => 1,
    filters: { AccountIds: (id) => [id] },
  });
  const shown = page.map((id) => ({
    AccountId: id,
    CompanyName: name,
    Email: `${name}@example.com`,
    Country: 'FRANCE',
  }));
  return { Accounts: shown, ...next };
}

/** The hosts are the real ones: nothing that runs here is told from the answer where it runs. */
function readRegions(call: OapiCall): OapiAnswer {
  const { page, next } = readPage(call, REGIONS, {
    idOf: (region) => region,
    sequenceOf: (region) => REGIONS.indexOf(region) + 1,
    filters: { RegionNames: (region) => [region] },
  });
  const shown = page.map((region) => ({
    RegionName: region,
    Endpoint: `api.${region}.outscale.com`,
  }));
  return { Regions: shown, ...next };
}
