// A PocketBase migration that makes the first superuser from the environment: a command line would show its
// password in the process list. `serve`, the container image and the tests use it.
migrate((app) => {
  const email = $os.getenv("POCKETBASE_SUPERUSER_EMAIL");
  const password = $os.getenv("POCKETBASE_SUPERUSER_PASSWORD");
  if (!email || !password) {
    throw new Error("Set POCKETBASE_SUPERUSER_EMAIL and POCKETBASE_SUPERUSER_PASSWORD for the first start.");
  }
  const superusers = app.findCollectionByNameOrId("_superusers");
  if (app.countRecords(superusers, $dbx.hashExp({ email })) > 0) return; // the data came from elsewhere
  const superuser = new Record(superusers);
  superuser.set("email", email);
  superuser.set("password", password);
  app.save(superuser);
});
