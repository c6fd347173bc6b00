/** Handed on to pages, never called here. */
declare module "jquery" {
  const jQuery: unknown;
  export default jQuery;
}
