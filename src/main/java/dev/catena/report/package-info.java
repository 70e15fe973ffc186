/** Results for people: tables, charts, pages. Numbers come in as plain values, text goes out. */
package dev.catena.report;
