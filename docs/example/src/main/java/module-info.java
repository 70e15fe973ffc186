/** An application that embeds Catena. */
module example {
  requires dev.catena;
}
