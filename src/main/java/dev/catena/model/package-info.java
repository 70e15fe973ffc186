/**
 * The networks, each a page of builder code that reads like its paper. Nothing here knows of
 * devices.
 */
package dev.catena.model;
