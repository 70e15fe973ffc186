package dev.catena.io;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;

/**
 * The probable kind of a file that is not safetensors, by its first bytes, and a way to come to
 * safetensors from there.
 *
 * @param what the kind, with its article
 * @param remedy what to do about it
 */
record FileKind(String what, String remedy) {
  /** Bytes from the start of a file that are worth looking at. */
  static final int HEAD = 512;

  private static final String CONVERT_PYTORCH =
      """
      Convert it with two lines of Python:
        import torch; from safetensors.torch import save_file
        save_file({k: v.contiguous().clone() for k, v in torch.load("in.pth", map_location="cpu", \
      weights_only=True).items()}, "out.safetensors")\
      """;

  private static final FileKind CHECKPOINT =
      new FileKind("a PyTorch checkpoint (zip)", CONVERT_PYTORCH);
  private static final FileKind PICKLE =
      new FileKind("a Python pickle, as old PyTorch checkpoints are", CONVERT_PYTORCH);
  private static final FileKind NUMPY =
      new FileKind(
          "a NumPy file",
          """
          Convert it with two lines of Python:
            import numpy; from safetensors.numpy import save_file
            save_file(dict(numpy.load("in.npz")), "out.safetensors")\
          """);
  private static final FileKind ZIP =
      new FileKind("a zip archive", "Unpack it and give the .safetensors file inside.");
  private static final FileKind GZIP =
      new FileKind("gzip-compressed", "Decompress it (gunzip) and give the file inside.");
  private static final FileKind GGUF =
      new FileKind("a GGUF file of a language model", "Give the weights as .safetensors.");
  private static final FileKind HDF5 =
      new FileKind("an HDF5 file, as Keras writes", "Give the weights as .safetensors.");
  private static final FileKind ONNX =
      new FileKind("an ONNX model", "Export the weights of its network as .safetensors.");
  private static final FileKind LFS =
      new FileKind(
          "a Git LFS pointer, not the file itself",
          "Run 'git lfs pull' in its repository, or download the file itself.");
  private static final FileKind PAGE =
      new FileKind(
          "a web page or a server's answer, not the file itself",
          "The download went wrong (a sign-in or an error page): download the file itself.");
  private static final FileKind JSON =
      new FileKind(
          "JSON text, perhaps the index of a model in several files",
          "Give the .safetensors file that holds the tensors.");

  /** The kind of the file that begins with {@code head}, if it is one often met. */
  static Optional<FileKind> of(byte[] head) {
    // Latin-1 keeps every byte a char, so that text and binary magics read alike.
    String start = new String(head, StandardCharsets.ISO_8859_1);
    String text = start.stripLeading().toLowerCase(Locale.ROOT);
    if (start.startsWith("PK\3\4")) {
      return Optional.of(
          start.contains("/data.pkl") ? CHECKPOINT : start.contains(".npy") ? NUMPY : ZIP);
    } else if (start.startsWith("\u0080") && start.length() > 1 && isPickleProtocol(head[1])) {
      return Optional.of(PICKLE);
    } else if (start.startsWith("\u0093NUMPY")) {
      return Optional.of(NUMPY);
    } else if (start.startsWith("\u001f\u008b")) {
      return Optional.of(GZIP);
    } else if (start.startsWith("GGUF")) {
      return Optional.of(GGUF);
    } else if (start.startsWith("\u0089HDF")) {
      return Optional.of(HDF5);
    } else if (text.startsWith("version https://git-lfs")) {
      return Optional.of(LFS);
    } else if (text.startsWith("<!doctype")
        || text.startsWith("<html")
        || text.startsWith("<?xml")) {
      return Optional.of(PAGE);
    } else if (isOnnx(head)) {
      return Optional.of(ONNX);
    } else if (text.startsWith("{")) {
      return Optional.of(JSON);
    }
    return Optional.empty();
  }

  private static boolean isPickleProtocol(byte version) {
    return version >= 2 && version <= 5;
  }

  /**
   * A protocol buffer that opens with ir_version (field 1, a small number) and a text or message
   * field of a model.
   */
  private static boolean isOnnx(byte[] head) {
    if (head.length < 4 || head[0] != 0x08 || head[1] < 1 || head[1] > 32) {
      return false;
    }
    return switch (head[2]) {
      case 0x12, 0x1a, 0x22, 0x32, 0x3a, 0x42 ->
          true; // producer, version, domain, doc, graph, opset
      default -> false;
    };
  }
}
