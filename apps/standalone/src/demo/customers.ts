import type { CloudId } from '#domain';

import type { OpenCustomer } from './customer.js';

/** Loads a vendor's SDK only for a customer who uses it. */
export const CUSTOMERS: Readonly<Record<CloudId, () => Promise<OpenCustomer>>> = {
  aws: async () => (await import('./customers/aws.customer.js')).openAwsCustomer,
  alibaba: async () => (await import('./customers/alibaba.customer.js')).openAlibabaCustomer,
  huawei: async () => (await import('./customers/huawei.customer.js')).openHuaweiCustomer,
  tencent: async () => (await import('./customers/tencent.customer.js')).openTencentCustomer,
  outscale: async () => (await import('./customers/outscale.customer.js')).openOutscaleCustomer,
};
