package dev.catena.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Classification;
import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Session;
import dev.catena.Trainer;
import dev.catena.Training;
import dev.catena.device.Device;
import dev.catena.io.Image;
import dev.catena.io.Preprocessing;
import dev.catena.io.datasets.DataSet;
import dev.catena.io.datasets.DataSets;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import javax.imageio.ImageIO;
import org.apache.spark.api.java.function.FilterFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against a session of this process; the executors are two processes. */
class CatenaTransformerTest {
  static final String MODEL = "densenet-bc-40-12";
  private static final int COUNT = 2000;
  private static final int IMAGE = 3 * 28 * 28;
  private static final Path FASHION = Path.of("/usr/share/datasets/fashion-mnist");

  @TempDir private static Path folder;
  private static SparkSession spark;
  private static Path weights;

  /** Executors start anew with the class path of this process. */
  static SparkSession cluster() throws IOException {
    Files.createDirectories(Path.of(System.getenv("SPARK_HOME"), "jars")); // Spark asks for it
    return SparkSession.builder()
        .master("local-cluster[2,1,1024]")
        .config("spark.ui.enabled", false)
        .config("spark.executor.cores", 1)
        .config("spark.executor.memory", "1g")
        .config("spark.executor.extraClassPath", System.getProperty("java.class.path"))
        .config("spark.log.level", "ERROR")
        .getOrCreate();
  }

  @BeforeAll
  static void start() throws IOException {
    spark = cluster();
    weights = folder.resolve("weights.safetensors");
    try (Device device = Device.open("host");
        Model model = Models.get(MODEL).initialise(1);
        Trainer trainer = model.train(device, Training.batch(1).image(28, 28))) {
      trainer.save(weights);
    }
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static CatenaTransformer transformer() {
    return new CatenaTransformer()
        .setModel(MODEL)
        .setWeights(weights.toString())
        .setSize(28, 28)
        .setDevice("host");
  }

  /** Images of Fashion-MNIST where they are installed; else noise. */
  private static List<Row> images(int count) throws IOException {
    List<Row> rows = new ArrayList<>();
    Random random = new Random(1);
    try (DataSet data = Files.exists(FASHION) ? DataSets.mnist(FASHION).withChannels(3) : null) {
      for (int i = 0; i < count; i++) {
        float[] image = new float[IMAGE];
        if (data == null) {
          for (int k = 0; k < IMAGE; k++) {
            image[k] = random.nextFloat();
          }
        } else {
          data.train().copy(i, MemorySegment.ofArray(image));
        }
        rows.add(RowFactory.create(i, image));
      }
    }
    return rows;
  }

  private static Dataset<Row> table(List<Row> rows, int partitions) {
    StructType type =
        new StructType()
            .add("id", DataTypes.IntegerType)
            .add("image", DataTypes.createArrayType(DataTypes.FloatType));
    return spark.createDataFrame(rows, type).repartition(partitions);
  }

  private static float[] expected(List<Row> rows) throws IOException {
    try (Device device = Device.open("host");
        Model model = Models.get(MODEL).sized(28, 28).load(weights);
        Session session = model.compile(device, Inference.batch(16))) {
      float[] all = new float[rows.size() * 10];
      for (int first = 0; first < rows.size(); first += 16) {
        int count = Math.min(16, rows.size() - first);
        float[] images = new float[count * IMAGE];
        for (int i = 0; i < count; i++) {
          System.arraycopy(rows.get(first + i).get(1), 0, images, i * IMAGE, IMAGE);
        }
        System.arraycopy(session.run(images), 0, all, 10 * first, 10 * count);
      }
      return all;
    }
  }

  private static void assertSame(List<Row> rows, Dataset<Row> result) throws IOException {
    float[] expected = expected(rows);
    List<Row> found = result.select("id", "prediction", "error").collectAsList();
    assertEquals(rows.size(), found.size());
    Set<Integer> seen = new HashSet<>();
    for (Row row : found) {
      int id = row.getInt(0);
      assertTrue(seen.add(id), () -> id + " twice");
      assertNull(row.get(2));
      List<Float> logits = row.getList(1);
      for (int c = 0; c < 10; c++) {
        assertEquals(expected[10 * id + c], logits.get(c), 0, id + ": " + c);
      }
    }
  }

  @Test
  void executorsComputeTheBitsOfASession() throws IOException {
    List<Row> rows = images(COUNT);
    assertSame(rows, transformer().transform(table(rows, 4)));
  }

  /** The executor ends in the middle of its partition, once. */
  @Test
  void aKilledExecutorLosesNothing() throws IOException {
    List<Row> rows = images(400);
    String once = folder.resolve("killed").toString();
    FilterFunction<Row> killing =
        row -> {
          if (row.getInt(0) == 250 && Path.of(once).toFile().createNewFile()) {
            Runtime.getRuntime().halt(137); // as kill -9: nothing is cleaned up
          }
          return true;
        };
    assertSame(rows, transformer().transform(table(rows, 4).filter(killing)));
    assertTrue(Files.exists(Path.of(once)));
  }

  private static byte[] png(int seed) throws IOException {
    BufferedImage image = new BufferedImage(40, 36, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < 40 * 36; i++) {
      image.setRGB(i % 40, i / 40, i * 7919 * seed);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageIO.write(image, "png", out);
    return out.toByteArray();
  }

  @Test
  void anUnreadablePictureIsNullWithAReason() throws IOException {
    byte[] whole = png(3);
    List<Row> rows =
        List.of(
            RowFactory.create(whole),
            RowFactory.create((Object) Arrays.copyOf(whole, 900)),
            RowFactory.create((Object) null),
            RowFactory.create((Object) png(5)));
    Dataset<Row> table =
        spark
            .createDataFrame(rows, new StructType().add("image", DataTypes.BinaryType))
            .coalesce(1);
    List<Row> found = transformer().setTop(2).transform(table).collectAsList();
    assertTrue(found.get(1).getString(2).startsWith("image: not a readable png"), found.toString());
    assertEquals("the image is null", found.get(2).getString(2));
    assertTrue(found.get(1).isNullAt(1) && found.get(2).isNullAt(1));
    try (Device device = Device.open("host");
        Model model = Models.get(MODEL).sized(28, 28).load(weights);
        Session session = model.compile(device, Inference.batch(1))) {
      for (int i : new int[] {0, 3}) {
        assertNull(found.get(i).get(2));
        Image image = Image.decode((byte[]) rows.get(i).get(0));
        float[] logits = session.run(Preprocessing.imageNet(28).apply(image));
        Classification best = Classification.best(logits, 1, List.of()).getFirst();
        Row place = found.get(i).<Row>getList(1).getFirst();
        assertEquals(2, found.get(i).getList(1).size());
        assertEquals(best.label(), place.getInt(0));
        assertEquals(best.logit(), place.getFloat(1));
        assertEquals(best.probability(), place.getDouble(2));
      }
    }
    Dataset<Row> failing = transformer().setFailOnError(true).transform(table);
    assertArrayEquals(new String[] {"image", "prediction"}, failing.columns());
    Exception e = assertThrows(Exception.class, failing::collectAsList);
    assertTrue(e.toString().contains("not a readable png"), e.toString());
  }

  @Test
  void itIsSavedAndReadAgain() throws IOException {
    Path file = folder.resolve("transformer");
    transformer().setBatch(7).setOutputCol("logits").write().save(file.toString());
    CatenaTransformer again = CatenaTransformer.read().load(file.toString());
    List<Row> rows = images(9);
    Dataset<Row> result = again.transform(table(rows, 1));
    assertSame(rows, result.withColumnRenamed("logits", "prediction"));
  }

  @Test
  void anotherColumnIsRefusedOnTheDriver() {
    Dataset<Row> table = spark.range(3).toDF("image");
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> transformer().transform(table));
    assertEquals("column image is bigint; images are binary or array<float>", e.getMessage());
  }
}
