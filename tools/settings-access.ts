import ts from 'typescript';

export interface Finding {
  line: number;
  text: string;
}

function isEnvOfProcess(node: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(node)) {
    return node.name.text === 'env' && isProcess(node.expression);
  }
  if (ts.isElementAccessExpression(node)) {
    return (
      ts.isStringLiteralLike(node.argumentExpression) &&
      node.argumentExpression.text === 'env' &&
      isProcess(node.expression)
    );
  }
  if (
    ts.isVariableDeclaration(node) &&
    ts.isObjectBindingPattern(node.name) &&
    node.initializer &&
    isProcess(node.initializer)
  ) {
    return node.name.elements.some((e) => (e.propertyName ?? e.name).getText() === 'env');
  }
  return isEnvImport(node);
}

/** `process`, `globalThis.process`. */
function isProcess(node: ts.Expression): boolean {
  if (ts.isIdentifier(node)) return node.text === 'process';
  return ts.isPropertyAccessExpression(node) && node.name.text === 'process';
}

function isEnvImport(node: ts.Node): boolean {
  if (!ts.isImportDeclaration(node) || !ts.isStringLiteral(node.moduleSpecifier)) return false;
  if (!/^(node:)?process$/.test(node.moduleSpecifier.text)) return false;
  const named = node.importClause?.namedBindings;
  return (
    named !== undefined &&
    ts.isNamedImports(named) &&
    named.elements.some((e) => (e.propertyName ?? e.name).text === 'env')
  );
}

/** Every place of a source text that reads the environment of the process; comments and strings do not count. */
export function findEnvironmentAccess(path: string, source: string): Finding[] {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true);
  const findings: Finding[] = [];
  const visit = (node: ts.Node) => {
    if (isEnvOfProcess(node)) {
      const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
      findings.push({ line: line + 1, text: node.getText(file).split('\n')[0] ?? '' });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return findings;
}
