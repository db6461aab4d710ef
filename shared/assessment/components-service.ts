import type { AccountsService } from '../identity/accounts-service.ts';
import type { Roles } from '../identity/roles.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Page, Principal } from '../platform/define-endpoint.ts';
import { AppError, validationError } from '../platform/errors.ts';
import { assertVersion, untilWritten } from '../platform/optimistic.ts';
import { toPage } from '../platform/paging.ts';
import { sanitiseRichText } from '../platform/rich-text.ts';
import type { Paging } from '../platform/schemas.ts';
import type { Access } from './access.ts';
import type { Courses } from './courses-repository.ts';
import type { Coursework } from './coursework-repository.ts';
import type { Memberships } from './directory-repository.ts';
import { institution, staffListOf } from './rules.ts';
import type { ComponentCreate, ComponentDocument, ComponentUpdate, MembershipDocument } from './schemas.ts';

export interface ComponentsService {
  /** The components that the caller manages, oldest first. */
  list(user: Principal, paging: Paging): Promise<Page<MembershipDocument['component']>>;
  get(user: Principal, compId: string): Promise<ComponentDocument>;
  create(user: Principal, input: ComponentCreate, newId: string): Promise<ComponentDocument>;
  /** Throws `precondition_failed` when it changed since `ifMatch`. */
  update(
    user: Principal,
    compId: string,
    input: ComponentUpdate,
    ifMatch: string | undefined,
  ): Promise<ComponentDocument>;
  /** The work that students handed in stays for audit; the component and all below it answer 404 from now on. */
  remove(user: Principal, compId: string, ifMatch: string | undefined): Promise<ComponentDocument>;
  /** Brings the rows of `memberships` in line with the component; called for every change of it. */
  project(component: ComponentDocument): Promise<void>;
}

export function createComponentsService(deps: {
  access: Access;
  courses: Courses;
  coursework: Coursework;
  memberships: Memberships;
  accounts: Pick<AccountsService, 'findMany'>;
  roles: Pick<Roles, 'permissionsOf'>;
  clock: Clock;
}): ComponentsService {
  const { access, courses, coursework, memberships, accounts, roles, clock } = deps;

  async function checkOwners(ids: readonly string[]): Promise<void> {
    const found = await accounts.findMany(ids);
    const isStaff = await Promise.all(
      found.map(async ({ role }) => (await roles.permissionsOf(role)).has('component:write')),
    );
    const staffIds = found.filter((_user, index) => isStaff[index]).map(({ user_id }) => user_id);
    const missing = ids.filter((id) => !staffIds.includes(id));
    if (missing.length === 0) return;
    throw validationError([
      { loc: ['body', 'owner_user_ids'], msg: `not members of staff: ${missing.join(', ')}`, type: 'not_staff' },
    ]);
  }

  /** The rows that the caller will look at next are written before the answer; the change feed does the rest. */
  async function projectToStaff(component: ComponentDocument, formerOwners: readonly string[] = []): Promise<void> {
    const present = component.deleted_at === null ? [...component.owner_user_ids, institution] : [];
    const gone = [...new Set([...formerOwners, ...component.owner_user_ids, institution])].filter(
      (id) => !present.includes(id),
    );
    await Promise.all([
      ...present.map((id) => memberships.put(id, 'staff', component)),
      ...gone.map((id) => memberships.remove(id, 'staff', component.comp_id)),
    ]);
  }

  function change(
    user: Principal,
    compId: string,
    ifMatch: string | undefined,
    edit: (component: ComponentDocument) => Partial<ComponentDocument>,
  ): Promise<ComponentDocument> {
    return untilWritten(async () => {
      const present = await access.component(user, compId);
      assertVersion(ifMatch, present._etag);
      const changed = { ...present, ...edit(present), version: present.version + 1, updated_at: isoTime(clock.now()) };
      const etag = await courses.replaceComponent(changed, present._etag ?? '');
      if (etag === undefined && ifMatch !== undefined) throw new AppError('precondition_failed');
      if (etag === undefined) return undefined;
      await projectToStaff(changed, present.owner_user_ids);
      return { ...changed, _etag: etag };
    });
  }

  return {
    async list(user, paging) {
      const rows = await memberships.list(staffListOf(user), 'staff', paging);
      const page = toPage(rows, paging, (row) => row.comp_id);
      return { ...page, items: page.items.map((row) => row.component) };
    },

    get: access.component,

    async create(user, input, newId) {
      const owners = input.owner_user_ids ?? [user.user_id];
      if (input.owner_user_ids !== undefined) await checkOwners(owners);
      const now = isoTime(clock.now());
      const component: ComponentDocument = {
        id: newId,
        comp_id: newId,
        type: 'component',
        schema_version: 1,
        comp_name: input.comp_name,
        general_instructions: input.general_instructions == null ? null : sanitiseRichText(input.general_instructions),
        owner_user_ids: [...new Set(owners)],
        created_by_user_id: user.user_id,
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: null,
      };
      // The id exists only when a repeated request has already made it.
      const made = (await courses.createComponent(component)) ? component : await access.component(user, newId);
      await projectToStaff(made);
      return made;
    },

    async update(user, compId, input, ifMatch) {
      if (input.owner_user_ids !== undefined) await checkOwners(input.owner_user_ids);
      return change(user, compId, ifMatch, () => ({
        ...(input.comp_name === undefined ? {} : { comp_name: input.comp_name }),
        ...(input.general_instructions === undefined
          ? {}
          : {
              general_instructions:
                input.general_instructions === null ? null : sanitiseRichText(input.general_instructions),
            }),
        ...(input.owner_user_ids === undefined ? {} : { owner_user_ids: [...new Set(input.owner_user_ids)] }),
      }));
    },

    remove(user, compId, ifMatch) {
      return change(user, compId, ifMatch, () => ({ deleted_at: isoTime(clock.now()) }));
    },

    async project(component) {
      await projectToStaff(component);
      for (const studentId of await coursework.enrolledIds(component.comp_id)) {
        if (component.deleted_at === null) await memberships.put(studentId, 'student', component);
        else await memberships.remove(studentId, 'student', component.comp_id);
      }
    },
  };
}
