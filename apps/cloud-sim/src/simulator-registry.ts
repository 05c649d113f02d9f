import { createAlibabaSimulator } from './alibaba/alibaba-simulator.js';
import { createAwsSimulator } from './aws/aws-simulator.js';
import type { CloudId, CloudSimulatorFactory } from './cloud-simulator.js';
import { createHuaweiSimulator } from './huawei/huawei-simulator.js';
import { createOutscaleSimulator } from './outscale/outscale-simulator.js';
import { createTencentSimulator } from './tencent/tencent-simulator.js';

/** Every simulated cloud. A cloud that is not listed cannot be started. */
export const SIMULATORS: Readonly<Partial<Record<CloudId, CloudSimulatorFactory>>> = {
  aws: createAwsSimulator,
  alibaba: createAlibabaSimulator,
  huawei: createHuaweiSimulator,
  tencent: createTencentSimulator,
  outscale: createOutscaleSimulator,
};
