import type { LyceumFunction } from '../shared/platform/mount.ts';
import { type Part, partOf } from '../shared/platform/parts.ts';
import acceptInvitation from './accounts/accept-invitation.ts';
import changePassword from './accounts/change-password.ts';
import checkPasswordReset from './accounts/check-password-reset.ts';
import createInvitation from './accounts/create-invitation.ts';
import endSession from './accounts/end-session.ts';
import enrolStudent from './accounts/enrol-student.ts';
import followAccounts from './accounts/follow-accounts.ts';
import getMe from './accounts/get-me.ts';
import getTokenKeys from './accounts/get-token-keys.ts';
import listInvitations from './accounts/list-invitations.ts';
import listSessions from './accounts/list-sessions.ts';
import logIn from './accounts/log-in.ts';
import logOut from './accounts/log-out.ts';
import logOutEverywhere from './accounts/log-out-everywhere.ts';
import refreshTokens from './accounts/refresh-tokens.ts';
import registerAccount from './accounts/register-account.ts';
import registerNamedAccount from './accounts/register-named-account.ts';
import registerUser from './accounts/register-user.ts';
import requestEmailVerification from './accounts/request-email-verification.ts';
import requestPasswordReset from './accounts/request-password-reset.ts';
import resetPassword from './accounts/reset-password.ts';
import revokeInvitation from './accounts/revoke-invitation.ts';
import sendMail from './accounts/send-mail.ts';
import unenrolStudent from './accounts/unenrol-student.ts';
import verifyEmail from './accounts/verify-email.ts';
import discardDeadLetter from './admin/discard-dead-letter.ts';
import exportAuditEvents from './admin/export-audit-events.ts';
import followIdentity from './admin/follow-identity.ts';
import getDeadLetter from './admin/get-dead-letter.ts';
import listAuditEvents from './admin/list-audit-events.ts';
import listDeadLetters from './admin/list-dead-letters.ts';
import replayDeadLetter from './admin/replay-dead-letter.ts';
import verifyAuditTrail from './admin/verify-audit-trail.ts';
import changeApiKey from './api-keys/change-api-key.ts';
import createApiKey from './api-keys/create-api-key.ts';
import createCliKey from './api-keys/create-cli-key.ts';
import getApiKey from './api-keys/get-api-key.ts';
import getApiKeyStats from './api-keys/get-api-key-stats.ts';
import getApiKeyUsage from './api-keys/get-api-key-usage.ts';
import listApiKeys from './api-keys/list-api-keys.ts';
import revokeApiKey from './api-keys/revoke-api-key.ts';
import rotateApiKey from './api-keys/rotate-api-key.ts';
import validateApiKey from './api-keys/validate-api-key.ts';
import validateCredential from './api-keys/validate-credential.ts';
import createComponent from './components/create-component.ts';
import deleteComponent from './components/delete-component.ts';
import followCourses from './components/follow-courses.ts';
import getComponent from './components/get-component.ts';
import listComponentEntries from './components/list-component-entries.ts';
import listComponentStudents from './components/list-component-students.ts';
import listComponents from './components/list-components.ts';
import updateComponent from './components/update-component.ts';
import createEntry from './entries/create-entry.ts';
import deleteEntry from './entries/delete-entry.ts';
import getEntry from './entries/get-entry.ts';
import listEntries from './entries/list-entries.ts';
import listEntryStates from './entries/list-entry-states.ts';
import listEntrySubmissions from './entries/list-entry-submissions.ts';
import updateEntry from './entries/update-entry.ts';
import followCoursework from './grading/follow-coursework.ts';
import getSubmissionLedger from './grading/get-submission-ledger.ts';
import gradeSubmission from './grading/grade-submission.ts';
import listGradingAttention from './grading/list-grading-attention.ts';
import sweepJobs from './grading/sweep-jobs.ts';
import addPasskey from './passkeys/add-passkey.ts';
import listPasskeys from './passkeys/list-passkeys.ts';
import removePasskey from './passkeys/remove-passkey.ts';
import renamePasskey from './passkeys/rename-passkey.ts';
import signInWithPasskey from './passkeys/sign-in-with-passkey.ts';
import startPasskey from './passkeys/start-passkey.ts';
import startPasskeySignIn from './passkeys/start-passkey-sign-in.ts';
import getDocs from './platform/get-docs.ts';
import getDocsAsset from './platform/get-docs-asset.ts';
import getHealth from './platform/get-health.ts';
import getOpenapi from './platform/get-openapi.ts';
import getReadiness from './platform/get-readiness.ts';
import getRoot from './platform/get-root.ts';
import createRole from './roles/create-role.ts';
import deleteRole from './roles/delete-role.ts';
import getRole from './roles/get-role.ts';
import listRoles from './roles/list-roles.ts';
import updateRole from './roles/update-role.ts';
import confirmTotp from './second-factor/confirm-totp.ts';
import getSecondFactor from './second-factor/get-second-factor.ts';
import removeTotp from './second-factor/remove-totp.ts';
import renewRecoveryCodes from './second-factor/renew-recovery-codes.ts';
import startSecondFactorPasskey from './second-factor/start-second-factor-passkey.ts';
import startStepUpPasskey from './second-factor/start-step-up-passkey.ts';
import startTotp from './second-factor/start-totp.ts';
import stepUp from './second-factor/step-up.ts';
import verifySecondFactor from './second-factor/verify-second-factor.ts';
import beginSignIn from './sign-in/begin-sign-in.ts';
import completeSignIn from './sign-in/complete-sign-in.ts';
import linkLogin from './sign-in/link-login.ts';
import listLogins from './sign-in/list-logins.ts';
import unlinkLogin from './sign-in/unlink-login.ts';
import getOwnEntry from './student/get-own-entry.ts';
import getOwnSubmission from './student/get-own-submission.ts';
import listOwnComponents from './student/list-own-components.ts';
import listOwnEntries from './student/list-own-entries.ts';
import listOwnEntrySubmissions from './student/list-own-entry-submissions.ts';
import listOwnSubmissions from './student/list-own-submissions.ts';
import submitEntry from './student/submit-entry.ts';
import generateOutcome from './submissions/generate-outcome.ts';
import getOutcome from './submissions/get-outcome.ts';
import getSubmission from './submissions/get-submission.ts';
import listSubmissions from './submissions/list-submissions.ts';
import overrideOutcome from './submissions/override-outcome.ts';
import setOutcome from './submissions/set-outcome.ts';
import changeUserRole from './users/change-user-role.ts';
import createUser from './users/create-user.ts';
import deleteMe from './users/delete-me.ts';
import deleteUser from './users/delete-user.ts';
import endUserSessions from './users/end-user-sessions.ts';
import getUser from './users/get-user.ts';
import listUsers from './users/list-users.ts';
import patchMe from './users/patch-me.ts';
import patchUser from './users/patch-user.ts';
import reactivateUser from './users/reactivate-user.ts';
import resetSecondFactor from './users/reset-second-factor.ts';
import setLearningProfile from './users/set-learning-profile.ts';
import suspendUser from './users/suspend-user.ts';
import toggleUser from './users/toggle-user.ts';
import updateMe from './users/update-me.ts';
import updateUser from './users/update-user.ts';

/** The table of contents: every function of Lyceum, by area. Registration, documents and tests all read it. */
export const functions: readonly LyceumFunction[] = [
  // Sessions
  logIn,
  refreshTokens,
  logOut,
  logOutEverywhere,
  listSessions,
  endSession,
  getTokenKeys,
  // Accounts and enrolment
  getMe,
  registerUser,
  registerAccount,
  registerNamedAccount,
  createInvitation,
  listInvitations,
  revokeInvitation,
  acceptInvitation,
  changePassword,
  requestPasswordReset,
  checkPasswordReset,
  resetPassword,
  requestEmailVerification,
  verifyEmail,
  sendMail,
  followAccounts,
  enrolStudent,
  unenrolStudent,
  // API keys
  changeApiKey,
  createApiKey,
  createCliKey,
  getApiKey,
  getApiKeyStats,
  getApiKeyUsage,
  listApiKeys,
  revokeApiKey,
  rotateApiKey,
  validateApiKey,
  validateCredential,
  // Sign-in with providers
  beginSignIn,
  completeSignIn,
  linkLogin,
  unlinkLogin,
  listLogins,
  // Second factor
  confirmTotp,
  getSecondFactor,
  removeTotp,
  renewRecoveryCodes,
  startSecondFactorPasskey,
  startStepUpPasskey,
  startTotp,
  stepUp,
  verifySecondFactor,
  // Passkeys
  addPasskey,
  listPasskeys,
  removePasskey,
  renamePasskey,
  signInWithPasskey,
  startPasskeySignIn,
  startPasskey,
  // Users
  changeUserRole,
  createUser,
  deleteMe,
  deleteUser,
  getUser,
  listUsers,
  patchMe,
  patchUser,
  reactivateUser,
  setLearningProfile,
  suspendUser,
  endUserSessions,
  resetSecondFactor,
  toggleUser,
  updateMe,
  updateUser,
  // Roles
  createRole,
  deleteRole,
  getRole,
  listRoles,
  updateRole,
  // Components
  createComponent,
  deleteComponent,
  followCourses,
  getComponent,
  listComponentEntries,
  listComponentStudents,
  listComponents,
  updateComponent,
  // Entries and rubrics
  createEntry,
  deleteEntry,
  getEntry,
  listEntries,
  listEntryStates,
  listEntrySubmissions,
  updateEntry,
  // What students do
  getOwnEntry,
  getOwnSubmission,
  listOwnComponents,
  listOwnEntries,
  listOwnEntrySubmissions,
  listOwnSubmissions,
  submitEntry,
  // What staff do with submissions
  generateOutcome,
  getOutcome,
  getSubmission,
  listSubmissions,
  overrideOutcome,
  setOutcome,
  // Grading
  followCoursework,
  getSubmissionLedger,
  gradeSubmission,
  listGradingAttention,
  sweepJobs,
  // Administration
  discardDeadLetter,
  exportAuditEvents,
  followIdentity,
  getDeadLetter,
  listAuditEvents,
  listDeadLetters,
  replayDeadLetter,
  verifyAuditTrail,
  // Platform
  getDocs,
  getDocsAsset,
  getHealth,
  getOpenapi,
  getReadiness,
  getRoot,
];

/** The functions of one of the apps that the product is deployed as. */
export function functionsOf(part: Part): readonly LyceumFunction[] {
  return part === 'all' ? functions : functions.filter((item) => partOf(item) === part);
}
