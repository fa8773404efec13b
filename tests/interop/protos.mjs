// The protos of the repository, for @grpc/grpc-js and for protobufjs.
import { existsSync } from 'node:fs';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import protobuf from 'protobufjs';
import { root } from './daemon.mjs';

const kGoogleApis =
  process.env.GOOGLEAPIS || '/usr/share/gocode/src/github.com/grpc-ecosystem/grpc-gateway/third_party/googleapis';
const kIncludes = [`${root}proto`, kGoogleApis];
const kConversion = { longs: String, enums: String, bytes: Buffer };

const services = grpc.loadPackageDefinition(
  loader.loadSync(['atrium/v1/rooms.proto', 'atrium/v1/sessions.proto', 'grpc/health/v1/health.proto'], {
    ...kConversion,
    defaults: true,
    oneofs: true,
    includeDirs: kIncludes,
  }),
);
export const { RoomService, SessionService } = services.atrium.v1;
export const { Health } = services.grpc.health.v1;
export { grpc };

const types = new protobuf.Root();
types.resolvePath = (_, target) =>
  kIncludes.map((folder) => `${folder}/${target}`).find((path) => existsSync(path)) ?? target;
types.loadSync(['atrium/v1/frames.proto', 'google/rpc/error_info.proto', 'google/rpc/error_details.proto']);
types.resolveAll();

/** The bytes of a message of type `name`. */
export function encode(name, object) {
  const type = types.lookupType(name);
  return Buffer.from(type.encode(type.fromObject(object)).finish());
}

/** A plain object; fields that are not set are absent. */
export function decode(name, bytes) {
  const type = types.lookupType(name);
  return type.toObject(type.decode(bytes), kConversion);
}

/** A google.protobuf.Value of plain JSON. */
export function toValue(json) {
  if (json === null || json === undefined) {
    return { nullValue: 'NULL_VALUE' };
  }
  if (Array.isArray(json)) {
    return { listValue: { values: json.map(toValue) } };
  }
  switch (typeof json) {
    case 'object':
      return {
        structValue: { fields: Object.fromEntries(Object.entries(json).map(([key, value]) => [key, toValue(value)])) },
      };
    case 'string':
      return { stringValue: json };
    case 'number':
      return { numberValue: json };
    default:
      return { boolValue: json };
  }
}

/** Plain JSON of a google.protobuf.Value; null of none. */
export function fromValue(value) {
  if (!value || 'nullValue' in value) {
    return null;
  }
  if (value.structValue) {
    return Object.fromEntries(
      Object.entries(value.structValue.fields ?? {}).map(([key, each]) => [key, fromValue(each)]),
    );
  }
  if (value.listValue) {
    return (value.listValue.values ?? []).map(fromValue);
  }
  return value.stringValue ?? value.numberValue ?? value.boolValue ?? null;
}

/** What every door says of an error, in one form, from a google.rpc.Status with details in protobuf. */
export function readStatus(status) {
  const details = Object.fromEntries(
    (status.details ?? []).map((any) => [(any.type_url ?? any.typeUrl).split('/').pop(), any.value]),
  );
  const info = details['google.rpc.ErrorInfo'] && decode('google.rpc.ErrorInfo', details['google.rpc.ErrorInfo']);
  const bad = details['google.rpc.BadRequest'] && decode('google.rpc.BadRequest', details['google.rpc.BadRequest']);
  return {
    code: status.code,
    message: status.message,
    reason: info?.reason,
    domain: info?.domain,
    field: bad?.fieldViolations?.[0]?.field,
  };
}

/** The same from JSON. */
export function readJsonStatus(status) {
  const detail = (name) => status.details?.find((each) => each['@type'] === `type.googleapis.com/google.rpc.${name}`);
  return {
    code: status.code,
    message: status.message,
    reason: detail('ErrorInfo')?.reason,
    domain: detail('ErrorInfo')?.domain,
    field: detail('BadRequest')?.fieldViolations?.[0]?.field,
  };
}
