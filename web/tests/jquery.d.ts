/** jQuery is only passed on, so its type is unknown. */
declare module "jquery" {
  const jQuery: unknown;
  export default jQuery;
}
