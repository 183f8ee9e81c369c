// The contract, and the standard types of gRPC, as @grpc/proto-loader reads them.
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { getProtoPath } from 'google-proto-files';

const found = createRequire(import.meta.url);
const files = [
  ...['error_reason', 'profile_service', 'template_service', 'verification_service'].map((name) => `verify/v1/${name}.proto`),
  'google/rpc/status.proto',
  'google/rpc/error_details.proto',
  'grpc/reflection/v1/reflection.proto',
  'health/v1/health.proto',
  'google/protobuf/descriptor.proto',
];
const includeDirs = [
  process.env.PROTO,
  getProtoPath('..'),
  join(dirname(found.resolve('@grpc/reflection')), '../proto'),
  join(dirname(found.resolve('grpc-health-check')), '../../proto'),
];

/** The types by their full names. */
export const types = loadSync(files, { includeDirs, keepCase: true, enums: String, longs: Number });
export const contract = loadPackageDefinition(types);

/** The method of a path such as `verify.v1.ProfileService/GetProfile`; undefined where there is none. */
export function method(path) {
  const [service, name] = path.split('/');
  return types[service]?.[name];
}
