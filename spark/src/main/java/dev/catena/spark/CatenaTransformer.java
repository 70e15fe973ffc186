package dev.catena.spark;

import org.apache.spark.ml.Model;
import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * Runs a network on a column of images. Every executor opens one session, which its tasks share,
 * and rows are computed in batches.
 *
 * <p>A row whose image cannot be read gets null, and the reason in {@link #setErrorCol}.
 */
public final class CatenaTransformer extends Model<CatenaTransformer>
    implements CatenaParams<CatenaTransformer>, DefaultParamsWritable {
  private static final long serialVersionUID = 1;

  private final String uid;
  private final Declared declared;

  /** With the defaults of the setters. */
  public CatenaTransformer() {
    this(Identifiable.randomUID("catena"));
  }

  /** The same with an identifier. */
  public CatenaTransformer(String uid) {
    this.uid = uid;
    declared = new Declared(this);
    declared.text("outputCol", "column of results", "prediction");
    declared.text("errorCol", "column of reasons why there is no result", "error");
    declared.number("top", "classes of a row; 0 for all outputs", 0);
    declared.text("inside", "value of an ONNX model, instead of its output", "");
    declared.add(
        new BooleanParam(this, "failOnError", "whether an unreadable image fails the job"), false);
  }

  /** What {@code write()} has saved. */
  public static MLReader<CatenaTransformer> read() {
    return new DefaultParamsReader<>();
  }

  @Override
  public String uid() {
    return uid;
  }

  @Override
  public Param<?>[] params() {
    return declared.all();
  }

  /** The column of results, {@code array<float>} unless {@link #setTop}. Default: prediction. */
  public CatenaTransformer setOutputCol(String column) {
    return put("outputCol", column);
  }

  /** The column that says why a row has no result; null where it has. Default: error. */
  public CatenaTransformer setErrorCol(String column) {
    return put("errorCol", column);
  }

  /**
   * The most probable classes instead of all logits: an array of structures of {@code label},
   * {@code logit} and {@code probability}. Default: 0, all logits.
   */
  public CatenaTransformer setTop(int classes) {
    return put("top", classes);
  }

  /** The name of a value inside an ONNX model that is the result, such as features. */
  public CatenaTransformer setInside(String value) {
    return put("inside", value);
  }

  /** Whether an image that cannot be read fails the job. There is no error column then. */
  public CatenaTransformer setFailOnError(boolean fail) {
    return put("failOnError", fail);
  }

  private boolean failOnError() {
    return (boolean) declared.value("failOnError");
  }

  @Override
  public Dataset<Row> transform(Dataset<?> data) {
    StructType type = transformSchema(data.schema());
    NetworkSource source = declared.source(declared.text("inside"), data.sparkSession());
    int column = data.schema().fieldIndex(declared.text("inputCol"));
    Batches batches =
        new Batches(
            source, column, declared.preprocessing(), declared.number("top"), failOnError());
    return data.toDF().mapPartitions(batches, Encoders.row(type));
  }

  @Override
  public StructType transformSchema(StructType given) {
    DataType images = given.apply(declared.text("inputCol")).dataType();
    boolean floats = images instanceof ArrayType a && a.elementType().equals(DataTypes.FloatType);
    if (!floats && !images.equals(DataTypes.BinaryType)) {
      throw new IllegalArgumentException(
          "column %s is %s; images are binary or array<float>"
              .formatted(declared.text("inputCol"), images.simpleString()));
    }
    StructType place =
        new StructType()
            .add("label", DataTypes.IntegerType)
            .add("logit", DataTypes.FloatType)
            .add("probability", DataTypes.DoubleType);
    DataType element = declared.number("top") == 0 ? DataTypes.FloatType : place;
    StructType result =
        given.add(declared.text("outputCol"), DataTypes.createArrayType(element), true);
    return failOnError() ? result : result.add(declared.text("errorCol"), DataTypes.StringType);
  }

  @Override
  public CatenaTransformer copy(ParamMap extra) {
    return defaultCopy(extra);
  }
}
