import { afterAll, afterEach, beforeAll, beforeEach, describe } from '@jest/globals';
import { describeAdmission } from './admission.contract.js';
import { describeAnswering } from './answering.contract.js';
import type { CloudHarness } from './cloud-harness.js';
import { describeErrors } from './errors.contract.js';
import { describeObserving } from './observing.contract.js';
import { describeRemoving } from './removing.contract.js';
import { describeRequesting } from './requesting.contract.js';
import { describeRoutes } from './routes.contract.js';
import { Stage, type ContractSubject } from './stage.js';

/**
 * What every adapter promises behind the port, over HTTP against its cloud's simulator. Clouds differ by their
 * capabilities and by what their subject has, never by name.
 *
 * @param more defines tests of what only this cloud has, on the same stage
 */
export function defineCloudContract<H extends CloudHarness>(
  name: string,
  subject: ContractSubject<H>,
  more: (stage: Stage<H>) => void = () => undefined,
): void {
  describe(name, () => {
    const stage = new Stage(subject);
    beforeAll(() => stage.start());
    afterAll(() => stage.stop());
    beforeEach(() => stage.set());
    afterEach(() => stage.strike());

    describeObserving(stage);
    if (stage.capabilities.initiator === 'customer') describeAnswering(stage);
    else describeRequesting(stage);
    describeRemoving(stage);
    if (stage.capabilities.routing === 'platform') describeRoutes(stage);
    describeErrors(stage);
    describeAdmission(stage);
    more(stage);
  });
}
