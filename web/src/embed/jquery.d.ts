/** jQuery is provided to pages and never called here, so its type is unknown. */
declare module "jquery" {
  const jQuery: unknown;
  export default jQuery;
}
