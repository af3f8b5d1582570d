/** Holds an object to the API's schema of its kind: an unknown kind and an unknown field are faults, as a typing error is. */
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';

const document = JSON.parse(readFileSync(new URL('fixtures/schemas.json', import.meta.url), 'utf8'));
const ajv = new Ajv({ allErrors: true, allowUnionTypes: true, strict: true, strictRequired: false });
ajv.addSchema({ definitions: document.definitions }, 'api');

/** What is wrong with it, in words; empty for nothing. */
export function schemaFaults(object: { apiVersion: string; kind: string }): string[] {
  const reference: { $ref: string } | undefined = document.properties[`${object.apiVersion}/${object.kind}`];
  if (!reference) return [`${object.apiVersion}/${object.kind} is no kind that is known here`];
  const validate = ajv.getSchema(`api${reference.$ref}`)!;
  if (validate(object)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) =>
      `${object.kind}${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}
