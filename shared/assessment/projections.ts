import type { Dispatcher, OutboxRecord } from '../platform/outbox.ts';
import type { ComponentsService } from './components-service.ts';
import type { WorkDocument } from './coursework-repository.ts';
import type { EnrolmentService } from './enrolment-service.ts';
import type { ComponentDocument, EntryDocument, RubricDocument } from './schemas.ts';

/** What the change feeds keep in line. Everything here is harmless to repeat. */
export interface Projections {
  courses(documents: readonly unknown[]): Promise<void>;
  coursework(documents: readonly unknown[]): Promise<void>;
}

export function createProjections(deps: {
  components: Pick<ComponentsService, 'project'>;
  enrolment: Pick<EnrolmentService, 'project'>;
  dispatcher: Dispatcher;
}): Projections {
  return {
    async courses(documents) {
      // The feed hands out what the repositories wrote, so the documents are of these types.
      for (const doc of documents as readonly (ComponentDocument | EntryDocument | RubricDocument)[]) {
        if (doc.type === 'component') await deps.components.project(doc);
      }
    },
    async coursework(documents) {
      for (const doc of documents as readonly (WorkDocument | OutboxRecord)[]) {
        if (doc.type === 'outbox') await deps.dispatcher.follow(doc);
        else if (doc.type === 'enrolment') await deps.enrolment.project(doc);
      }
    },
  };
}
