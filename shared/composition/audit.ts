import { type AuditAppendService, createAuditAppendService } from '../audit/append-service.ts';
import { type AuditLog, createAuditLog } from '../audit/log.ts';
import { createAuditOutbox } from '../audit/outbox-repository.ts';
import { type AuditRecorder, createAuditRecorder } from '../audit/record.ts';
import { createTrail } from '../audit/trail-repository.ts';
import { type AuditTrailService, createAuditTrailService } from '../audit/trail-service.ts';
import { type AuditVerifyService, createAuditVerifyService } from '../audit/verify-service.ts';
import type { Foundation } from './foundation.ts';

export interface AuditServices {
  auditAppend: AuditAppendService;
  auditTrail: AuditTrailService;
  auditVerify: AuditVerifyService;
}

/** The trail: how events get into it, and what reads it. */
export function createAudit(given: Pick<Foundation, 'config' | 'clock' | 'ids' | 'random' | 'logger' | 'cosmos'>): {
  recorder: AuditRecorder;
  log: AuditLog;
  services: AuditServices;
} {
  const { config, clock, ids, random, logger, cosmos } = given;
  const outbox = createAuditOutbox(cosmos.container('identity'));
  const recorder = createAuditRecorder({ clock, ids });
  const log = createAuditLog({ outbox, recorder });
  const trail = createTrail(cosmos.container('audit'));
  const retentionDays = config.AUDIT_RETENTION_DAYS;
  return {
    recorder,
    log,
    services: {
      auditAppend: createAuditAppendService({ trail, outbox, clock, random, logger, retentionDays }),
      auditTrail: createAuditTrailService({ trail, log }),
      auditVerify: createAuditVerifyService({ trail, log, clock }),
    },
  };
}
