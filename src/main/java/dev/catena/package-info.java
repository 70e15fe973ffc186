/**
 * The API of applications: a model by name, with weights, compiled into a session or a trainer.
 *
 * <pre>{@code
 * try (var device = Device.open();
 *     var model = Models.get("densenet121").load(Path.of("w.safetensors"));
 *     var net = model.compile(device, Inference.batch(8).dtype(FP16))) {
 *   net.classify(Image.read(Path.of("photo.jpg")), 5).forEach(System.out::println);
 *   float[] logits = net.run(pixels); // or memory segments, or device addresses; any thread
 * }
 * try (var device = Device.open();
 *     var data = DataSets.cifar10(Path.of("cifar"));
 *     var trainer = Models.get("densenet-bc-100-12").initialise(0).train(device, Training.batch(64))) {
 *   trainer.fit(data, Fit.epochs(300).learningRate(0.1f).dropAt(0.5, 0.75));
 *   trainer.save(Path.of("m.safetensors"));
 * }
 * }</pre>
 *
 * <p>Options are named one by one ({@link dev.catena.Inference}, {@link dev.catena.Training},
 * {@link dev.catena.Fit}). What is opened is closed by who opened it. Errors have one root, {@link
 * dev.catena.error.CatenaException}. Unless a type says so, it is for one thread at a time.
 */
@NullMarked
package dev.catena;

import org.jspecify.annotations.NullMarked;
