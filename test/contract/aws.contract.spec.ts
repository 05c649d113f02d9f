import { awsSubject } from './aws.harness.js';
import { defineCloudContract } from './cloud-contract.js';

defineCloudContract('AWS', awsSubject);
