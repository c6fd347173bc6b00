-- A database of revision e9863f8, which that revision made: a permalink, a permalink of a run, and a file of a
-- program. Files and the run are of the year 2096, so that they do not expire.
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE blobs (
	id VARCHAR(32) NOT NULL, 
	digest VARCHAR(64), 
	size BIGINT NOT NULL, 
	created DOUBLE NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (digest)
);
INSERT INTO "blobs" VALUES('b19404d5466e1cd2696ba1210429005d','5ba09c365a9184ed988b86799d942f814462e0629d592805d2578fec1ab42362',16,4.0e+09);
CREATE TABLE chunks (
	blob_id VARCHAR(32) NOT NULL, 
	start BIGINT NOT NULL, 
	data BLOB NOT NULL, 
	PRIMARY KEY (blob_id, start), 
	FOREIGN KEY(blob_id) REFERENCES blobs (id) ON DELETE CASCADE
);
INSERT INTO "chunks" VALUES('b19404d5466e1cd2696ba1210429005d',0,X'6D61646520627920653938363366380A');
CREATE TABLE files (
	kernel_id VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	blob_id VARCHAR(32) NOT NULL, 
	mtime DOUBLE NOT NULL, 
	created DOUBLE NOT NULL, 
	PRIMARY KEY (kernel_id, name), 
	FOREIGN KEY(blob_id) REFERENCES blobs (id)
);
INSERT INTO "files" VALUES('8dce983f-fd60-4e97-9b1f-e648559cc4ee','old.txt','b19404d5466e1cd2696ba1210429005d',4.0e+09,4.0e+09);
CREATE TABLE permalinks (
	ident VARCHAR(64) NOT NULL, 
	code TEXT, 
	language TEXT, 
	interacts TEXT, 
	created DATETIME, 
	last_accessed DATETIME, 
	requested INTEGER, 
	PRIMARY KEY (ident)
);
INSERT INTO "permalinks" VALUES('osytw4m6fvrijohkbatx5nmof4','print("shared by e9863f8")','python','[]','2026-11-30 15:16:49.788157','2026-11-30 15:16:49.788157',0);
CREATE TABLE run_permalinks (
	ident VARCHAR(64) NOT NULL, 
	size BIGINT NOT NULL, 
	created DOUBLE NOT NULL, 
	code TEXT NOT NULL, 
	language TEXT NOT NULL, 
	interacts TEXT NOT NULL, 
	PRIMARY KEY (ident)
);
INSERT INTO "run_permalinks" VALUES('humf7lcknhq3fp3pmyijaeiomq',29,4.0e+09,'print(''run by e9863f8'')','sage','[]');
CREATE TABLE secrets (
	name VARCHAR(64) NOT NULL, 
	value BLOB NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "secrets" VALUES('permalink',X'9EDE775A7F3F9A3CC7A2642E67E8EF7A99A9383A01971D20383CFEF790B6E3E8');
CREATE INDEX ix_files_blob_id ON files (blob_id);
CREATE INDEX ix_files_created ON files (created);
CREATE INDEX ix_run_permalinks_created ON run_permalinks (created);
COMMIT;

