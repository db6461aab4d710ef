import { Component } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Paging } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'list-own-components',
  method: 'GET',
  route: 'api/student/flexagecomps',
  tag: 'Study',
  summary: 'The components that the caller is enrolled in, oldest first.',
  auth: { permission: 'study:read', reach: 'own' },
  rateLimit: 'read',
  query: Paging,
  success: { status: 200, page: Component },
  errors: [],
  handler: ({ query }, { user, services }) => services.study.components(user, query),
});
