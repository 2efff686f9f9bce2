-- MariaDB dump
DROP TABLE IF EXISTS `code_system`;
CREATE TABLE `code_system` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `oid` varchar(255) DEFAULT NULL,
  `name` varchar(255) DEFAULT NULL,
  `description` varchar(4000) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `oid` (`oid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
LOCK TABLES `code_system` WRITE;
INSERT INTO `code_system` VALUES (1,'2.25.1001 ','Invented','a (b), c; d'),(2,'1.2.250.1.999.1','National',NULL);
UNLOCK TABLES;
INSERT INTO `code_system_concept` (`id`,`code`,`definition`,`status`,`status_date`,`code_system_version_id`) VALUES
(10,'C1',NULL,'Current','2024-01-01 00:00:00',5),(11,'C2','it''s; a \'test\'','Retired',NULL,5),(12,'N1',NULL,'Current',NULL,6);
INSERT INTO `code_system_version` (`id`,`full_name`,`local_name`,`effective_date`,`status`,`code_system_id`) VALUES (5,'Invented 2024','2024','2024-01-01 00:00:00','Current',1),(6,'National 1','1',NULL,'Current',2);
INSERT INTO `designation` (`id`,`designation`,`language_code`,`type`,`is_preferred`,`status`,`status_date`,`code_system_concept_id`) VALUES (1,'L\'abdomen aigu','fr-FR','PN',1,'Current',NULL,10),(2,'Acute abdomen','en-GB','PN',1,'Current',NULL,10),(3,'other','en-GB',NULL,0,'Current',NULL,10),(4,'','en-GB',NULL,1,'Current',NULL,11),(5,'lost','en-GB',NULL,1,'Current',NULL,99);
INSERT INTO `transcoding_association` (`id`,`transcoding_association_id`,`quality`,`status`,`status_date`,`source_concept_id`,`target_concept_id`) VALUES (1,1,NULL,'Valid',NULL,12,10);
INSERT INTO `value_set` (`id`,`oid`,`epsos_name`,`description`,`parent_code_system_id`) VALUES (1,'2.25.2001','eInvented',NULL,NULL);
INSERT INTO `value_set_version` (`id`,`version_name`,`effective_date`,`status`,`value_set_id`) VALUES (1,'8.1.0','2024-04-22 00:00:00','Current',1);
INSERT INTO `x_concept_value_set` VALUES (10,1),(11,1);
CREATE TABLE `x_concept_value_set` (
  `code_system_concept_id` bigint(20) NOT NULL,
  `value_set_version_id` bigint(20) NOT NULL
) ENGINE=InnoDB;
