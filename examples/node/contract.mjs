// The contract, loaded from its .proto files, with the standard types of gRPC's rich errors.
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { getProtoPath } from 'google-proto-files';

const files = [
  'verify/v1/event_service.proto',
  'verify/v1/profile_service.proto',
  'verify/v1/verification_service.proto',
  'google/rpc/status.proto',
  'google/rpc/error_details.proto',
];
const includeDirs = [new URL('proto', import.meta.url).pathname, getProtoPath('..')];

/** The types by full name. Enums are strings, field names stay as they are, and absent fields have their defaults. */
export const types = loadSync(files, { includeDirs, keepCase: true, enums: String, longs: Number, defaults: true, oneofs: true });
export const { verify } = loadPackageDefinition(types);
