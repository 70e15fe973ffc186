/** Plans bound to memory: sessions that prepare every launch once and replay them. */
package dev.catena.exec;
