BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE attempts (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	identity TEXT NOT NULL, 
	name TEXT NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	outcome VARCHAR(16), 
	started_at DATETIME NOT NULL, 
	changed_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	issuer TEXT, 
	order_uri TEXT, 
	ordered_at DATETIME, 
	finalize_sent_at DATETIME, 
	finalizes INTEGER NOT NULL, 
	version TEXT, 
	previous TEXT, 
	fence BIGINT NOT NULL, 
	next_try_at DATETIME, 
	failure JSON, 
	owed TEXT NOT NULL, 
	tokens JSON NOT NULL, 
	snapshot JSON NOT NULL
);
INSERT INTO "attempts" VALUES(1,'due.example','due.example','renewal','due',NULL,'2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',NULL,'sandbox',NULL,NULL,NULL,0,NULL,NULL,1,NULL,NULL,'','[]','{"status": "ready", "portal_order": null, "portal_expires": null, "adopted": false}');
INSERT INTO "attempts" VALUES(2,'preflight.example','preflight.example','renewal','preflight',NULL,'2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',NULL,'sandbox',NULL,NULL,NULL,0,NULL,NULL,1,NULL,NULL,'','[]','{"status": "ready", "portal_order": null, "portal_expires": null, "adopted": false}');
INSERT INTO "attempts" VALUES(3,'order-intent.example','order-intent.example','renewal','order_intent',NULL,'2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',NULL,'sandbox',NULL,NULL,NULL,0,NULL,NULL,1,NULL,NULL,'','[]','{"status": "ready", "portal_order": null, "portal_expires": null, "adopted": false}');
INSERT INTO "attempts" VALUES(4,'ordered.example','ordered.example','renewal','ordered',NULL,'2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',NULL,'sandbox','https://acme.sandbox.test/acme/order/40961/4','2026-11-23 11:00:00.000000',NULL,0,NULL,NULL,1,NULL,NULL,'','[]','{"status": "ready", "portal_order": null, "portal_expires": null, "adopted": false}');
INSERT INTO "attempts" VALUES(5,'validating.example','validating.example','renewal','validating',NULL,'2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',NULL,'sandbox','https://acme.sandbox.test/acme/order/40961/5','2026-11-23 11:00:00.000000',NULL,0,NULL,NULL,1,NULL,NULL,'','[]','{"status": "ready", "portal_order": null, "portal_expires": null, "adopted": false}');
INSERT INTO "attempts" VALUES(6,'ready.example','ready.example','renewal','ready',NULL,'2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',NULL,'sandbox','https://acme.sandbox.test/acme/order/40961/6','2026-11-23 11:00:00.000000',NULL,0,NULL,NULL,1,NULL,NULL,'','[]','{"status": "ready", "portal_order": null, "portal_expires": null, "adopted": false}');
INSERT INTO "attempts" VALUES(7,'finalize-intent.example','finalize-intent.example','renewal','finalize_intent',NULL,'2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',NULL,'sandbox','https://acme.sandbox.test/acme/order/40961/7','2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',1,NULL,NULL,1,NULL,NULL,'','[]','{"status": "ready", "portal_order": null, "portal_expires": null, "adopted": false}');
INSERT INTO "attempts" VALUES(8,'issued.example','issued.example','renewal','issued',NULL,'2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',NULL,'sandbox','https://acme.sandbox.test/acme/order/40961/8','2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',1,NULL,NULL,1,NULL,NULL,'','[]','{"status": "ready", "portal_order": null, "portal_expires": null, "adopted": false}');
INSERT INTO "attempts" VALUES(9,'staged.example','staged.example','renewal','staged',NULL,'2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',NULL,'sandbox','https://acme.sandbox.test/acme/order/40961/9','2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',1,'20261123T110000Z-1a2b3c4d',NULL,1,NULL,NULL,'','[]','{"status": "ready", "portal_order": null, "portal_expires": null, "adopted": false}');
INSERT INTO "attempts" VALUES(10,'validated.example','validated.example','renewal','validated',NULL,'2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',NULL,'sandbox','https://acme.sandbox.test/acme/order/40961/10','2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',1,'20261123T110000Z-1a2b3c4d',NULL,1,NULL,NULL,'','[]','{"status": "ready", "portal_order": null, "portal_expires": null, "adopted": false}');
INSERT INTO "attempts" VALUES(11,'activate-intent.example','activate-intent.example','renewal','activate_intent',NULL,'2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',NULL,'sandbox','https://acme.sandbox.test/acme/order/40961/11','2026-11-23 11:00:00.000000',NULL,0,'20261123T110000Z-1a2b3c4d',NULL,1,NULL,NULL,'','[]','{"status": "ready", "portal_order": null, "portal_expires": null, "adopted": false}');
INSERT INTO "attempts" VALUES(12,'active.example','active.example','renewal','active',NULL,'2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',NULL,'sandbox','https://acme.sandbox.test/acme/order/40961/12','2026-11-23 11:00:00.000000',NULL,0,'20261123T110000Z-1a2b3c4d',NULL,1,NULL,NULL,'','[]','{"status": "ready", "portal_order": null, "portal_expires": null, "adopted": false}');
INSERT INTO "attempts" VALUES(13,'hooks-pending.example','hooks-pending.example','renewal','hooks_pending',NULL,'2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',NULL,'sandbox','https://acme.sandbox.test/acme/order/40961/13','2026-11-23 11:00:00.000000',NULL,0,'20261123T110000Z-1a2b3c4d',NULL,1,NULL,NULL,'','[]','{"status": "ready", "portal_order": null, "portal_expires": null, "adopted": false}');
INSERT INTO "attempts" VALUES(14,'done.example','done.example','renewal','done','renewed','2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000','sandbox','https://acme.sandbox.test/acme/order/40961/14','2026-11-23 11:00:00.000000',NULL,0,'20261123T110000Z-1a2b3c4d',NULL,1,NULL,NULL,'','[]','{"status": "ready", "portal_order": null, "portal_expires": null, "adopted": false}');
INSERT INTO "attempts" VALUES(15,'reconcile.example','reconcile.example','renewal','reconcile',NULL,'2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',NULL,'sandbox','https://acme.sandbox.test/acme/order/40961/15','2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',1,NULL,NULL,1,NULL,NULL,'','[]','{"status": "ready", "portal_order": null, "portal_expires": null, "adopted": false}');
INSERT INTO "attempts" VALUES(16,'quarantined.example','quarantined.example','renewal','quarantined','refused','2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000','sandbox','https://acme.sandbox.test/acme/order/40961/16','2026-11-23 11:00:00.000000',NULL,0,NULL,NULL,1,NULL,NULL,'','[]','{"status": "ready", "portal_order": null, "portal_expires": null, "adopted": false}');
INSERT INTO "attempts" VALUES(17,'rolled-back.example','rolled-back.example','renewal','rolled_back',NULL,'2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',NULL,'sandbox','https://acme.sandbox.test/acme/order/40961/17','2026-11-23 11:00:00.000000',NULL,0,'20261123T110000Z-1a2b3c4d',NULL,1,NULL,NULL,'','[]','{"status": "ready", "portal_order": null, "portal_expires": null, "adopted": false}');
INSERT INTO "attempts" VALUES(18,'held.example','held.example','renewal','held',NULL,'2026-11-23 11:00:00.000000','2026-11-23 11:00:00.000000',NULL,'sandbox','https://acme.sandbox.test/acme/order/40961/18','2026-11-23 11:00:00.000000',NULL,0,NULL,NULL,1,NULL,NULL,'','[]','{"status": "ready", "portal_order": null, "portal_expires": null, "adopted": false}');
CREATE TABLE leases (
	identity TEXT NOT NULL, 
	holder TEXT, 
	fence BIGINT NOT NULL, 
	expires_at DATETIME, 
	PRIMARY KEY (identity)
);
INSERT INTO "leases" VALUES('due.example',NULL,1,NULL);
INSERT INTO "leases" VALUES('preflight.example',NULL,1,NULL);
INSERT INTO "leases" VALUES('order-intent.example',NULL,1,NULL);
INSERT INTO "leases" VALUES('ordered.example',NULL,1,NULL);
INSERT INTO "leases" VALUES('validating.example',NULL,1,NULL);
INSERT INTO "leases" VALUES('ready.example',NULL,1,NULL);
INSERT INTO "leases" VALUES('finalize-intent.example',NULL,1,NULL);
INSERT INTO "leases" VALUES('issued.example',NULL,1,NULL);
INSERT INTO "leases" VALUES('staged.example',NULL,1,NULL);
INSERT INTO "leases" VALUES('validated.example',NULL,1,NULL);
INSERT INTO "leases" VALUES('activate-intent.example',NULL,1,NULL);
INSERT INTO "leases" VALUES('active.example',NULL,1,NULL);
INSERT INTO "leases" VALUES('hooks-pending.example',NULL,1,NULL);
INSERT INTO "leases" VALUES('done.example',NULL,1,NULL);
INSERT INTO "leases" VALUES('reconcile.example',NULL,1,NULL);
INSERT INTO "leases" VALUES('quarantined.example',NULL,1,NULL);
INSERT INTO "leases" VALUES('rolled-back.example',NULL,1,NULL);
INSERT INTO "leases" VALUES('held.example',NULL,1,NULL);
CREATE TABLE steps (
	id INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	event VARCHAR(64) NOT NULL, 
	facts JSON NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(attempt) REFERENCES attempts (id) ON DELETE CASCADE
);
INSERT INTO "steps" VALUES(1,1,'2026-11-23 11:00:00.000000','attempt.begun','{"kind": "renewal", "issuer": "sandbox"}');
INSERT INTO "steps" VALUES(2,2,'2026-11-23 11:00:00.000000','attempt.begun','{"kind": "renewal", "issuer": "sandbox"}');
INSERT INTO "steps" VALUES(3,3,'2026-11-23 11:00:00.000000','attempt.begun','{"kind": "renewal", "issuer": "sandbox"}');
INSERT INTO "steps" VALUES(4,4,'2026-11-23 11:00:00.000000','attempt.begun','{"kind": "renewal", "issuer": "sandbox"}');
INSERT INTO "steps" VALUES(5,5,'2026-11-23 11:00:00.000000','attempt.begun','{"kind": "renewal", "issuer": "sandbox"}');
INSERT INTO "steps" VALUES(6,6,'2026-11-23 11:00:00.000000','attempt.begun','{"kind": "renewal", "issuer": "sandbox"}');
INSERT INTO "steps" VALUES(7,7,'2026-11-23 11:00:00.000000','attempt.begun','{"kind": "renewal", "issuer": "sandbox"}');
INSERT INTO "steps" VALUES(8,8,'2026-11-23 11:00:00.000000','attempt.begun','{"kind": "renewal", "issuer": "sandbox"}');
INSERT INTO "steps" VALUES(9,9,'2026-11-23 11:00:00.000000','attempt.begun','{"kind": "renewal", "issuer": "sandbox"}');
INSERT INTO "steps" VALUES(10,10,'2026-11-23 11:00:00.000000','attempt.begun','{"kind": "renewal", "issuer": "sandbox"}');
INSERT INTO "steps" VALUES(11,11,'2026-11-23 11:00:00.000000','attempt.begun','{"kind": "renewal", "issuer": "sandbox"}');
INSERT INTO "steps" VALUES(12,12,'2026-11-23 11:00:00.000000','attempt.begun','{"kind": "renewal", "issuer": "sandbox"}');
INSERT INTO "steps" VALUES(13,13,'2026-11-23 11:00:00.000000','attempt.begun','{"kind": "renewal", "issuer": "sandbox"}');
INSERT INTO "steps" VALUES(14,14,'2026-11-23 11:00:00.000000','attempt.begun','{"kind": "renewal", "issuer": "sandbox"}');
INSERT INTO "steps" VALUES(15,15,'2026-11-23 11:00:00.000000','attempt.begun','{"kind": "renewal", "issuer": "sandbox"}');
INSERT INTO "steps" VALUES(16,16,'2026-11-23 11:00:00.000000','attempt.begun','{"kind": "renewal", "issuer": "sandbox"}');
INSERT INTO "steps" VALUES(17,17,'2026-11-23 11:00:00.000000','attempt.begun','{"kind": "renewal", "issuer": "sandbox"}');
INSERT INTO "steps" VALUES(18,18,'2026-11-23 11:00:00.000000','attempt.begun','{"kind": "renewal", "issuer": "sandbox"}');
CREATE INDEX ix_attempts_identity ON attempts (identity, id);
CREATE INDEX ix_attempts_outcome ON attempts (outcome);
CREATE INDEX ix_steps_attempt ON steps (attempt);
CREATE INDEX ix_steps_event ON steps (event, at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('attempts',18);
COMMIT;
