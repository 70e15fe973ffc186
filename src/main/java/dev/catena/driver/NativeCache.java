package dev.catena.driver;

import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Set;
import java.util.jar.JarFile;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;

/**
 * A folder that only this user can write, to which libraries are copied out of jars, once for each
 * content.
 *
 * <p>A copy's folder is named after the size and CRC-32 of the content, which a jar's directory
 * tells without unpacking; every use checks them again. The sum guards against accidents (a cut
 * copy, another version), the permissions of the folder against other users. A copy appears by an
 * atomic rename, so processes that start together never see half of one. Files are read and written
 * by streams that an interrupt of the thread does not close.
 */
final class NativeCache {
  private static final Set<PosixFilePermission> OTHERS_MAY_WRITE =
      EnumSet.of(PosixFilePermission.GROUP_WRITE, PosixFilePermission.OTHERS_WRITE);

  private final Path root;

  NativeCache(Path root) {
    this.root = root;
  }

  /** The resource as a file: itself where it is one, else a checked copy named {@code name}. */
  Path file(URL resource, String name) throws IOException {
    if (resource.getProtocol().equals("file")) {
      return Path.of(URI.create(resource.toString()));
    }
    Content content = content(resource);
    Path folder = root.resolve("%x-%08x".formatted(content.size, content.crc));
    Path file = folder.resolve(name);
    if (!content.equals(contentOf(file))) {
      createPrivate(folder);
      copy(resource, content, file);
    }
    requirePrivate(folder);
    return file;
  }

  /** The identity of a content: bytes and CRC-32. */
  private record Content(long size, long crc) {}

  private static Content content(URL resource) throws IOException {
    URLConnection connection = open(resource);
    if (connection instanceof JarURLConnection jar) {
      try (JarFile file = jar.getJarFile()) {
        ZipEntry entry = file.getEntry(jar.getEntryName());
        if (entry.getSize() >= 0 && entry.getCrc() >= 0) {
          return new Content(entry.getSize(), entry.getCrc());
        }
      }
    }
    try (InputStream in = open(resource).getInputStream()) {
      return transfer(in, OutputStream.nullOutputStream());
    }
  }

  /** The content of a file that may not be there: then null. */
  private static Content contentOf(Path file) throws IOException {
    try (InputStream in = new FileInputStream(file.toFile())) {
      return transfer(in, OutputStream.nullOutputStream());
    } catch (FileNotFoundException e) {
      return null;
    }
  }

  private static void copy(URL resource, Content expected, Path file) throws IOException {
    Path part = Files.createTempFile(file.getParent(), file.getFileName() + ".", ".part");
    try {
      Content copied;
      try (InputStream in = open(resource).getInputStream();
          OutputStream out = new FileOutputStream(part.toFile())) {
        copied = transfer(in, out);
      }
      if (!copied.equals(expected)) {
        throw new IOException(resource + " is damaged: " + copied + " instead of " + expected);
      }
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private static Content transfer(InputStream in, OutputStream out) throws IOException {
    CRC32 crc = new CRC32();
    byte[] buffer = new byte[1 << 16];
    long size = 0;
    for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
      crc.update(buffer, 0, read);
      out.write(buffer, 0, read);
      size += read;
    }
    return new Content(size, crc.getValue());
  }

  private static URLConnection open(URL resource) throws IOException {
    URLConnection connection = resource.openConnection();
    connection.setUseCaches(false); // a cached JarFile stays open and locks its jar
    return connection;
  }

  private static void createPrivate(Path folder) throws IOException {
    Files.createDirectories(
        folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
  }

  /** Whoever could write the folder could make us run their code. */
  private static void requirePrivate(Path folder) throws IOException {
    boolean foreign =
        !CacheFolders.isOwn(folder)
            || Files.getPosixFilePermissions(folder).stream().anyMatch(OTHERS_MAY_WRITE::contains);
    if (foreign) {
      throw new IOException(folder + " can be written by others; delete it or set -Dcatena.cache");
    }
  }
}
