package dev.catena;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import dev.catena.error.CatenaException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The floors of the house, as CONTRIBUTING.md draws them. Imports go down only, so there is no
 * circle; rooms of one floor do not import each other; what describes a network does not know what
 * it runs on.
 */
class ArchitectureTest {
  private static final String ROOT = "dev.catena";

  /** The classes of the package {@code dev.catena} itself. */
  private static final String FACADE = "catena";

  /** A room's floor. The commands stand on what users call. */
  private static final Map<String, Integer> FLOOR =
      Map.ofEntries(
          // The commands show what the reports make.
          Map.entry("cli", 6),
          Map.entry("report", 5),
          Map.entry("interop", 5),
          Map.entry("conformance", 5),
          Map.entry(FACADE, 4),
          Map.entry("measure", 4),
          Map.entry("engine", 3),
          Map.entry("collective", 3),
          Map.entry("onnx", 3),
          Map.entry("model", 2),
          Map.entry("rewrite", 2),
          Map.entry("plan", 2),
          Map.entry("io", 2),
          Map.entry("device", 2),
          Map.entry("graph", 1),
          Map.entry("driver", 1),
          Map.entry("error", 0));

  private static final Set<String> NETWORKS =
      Set.of("graph", "model", "rewrite", "plan", "io", "onnx");
  private static final Set<String> MACHINES = Set.of("driver", "device");

  private static JavaClasses classes;

  @BeforeAll
  static void readClassFiles() {
    classes = new ClassFileImporter().importPath(Path.of("target", "classes"));
    assertFalse(classes.isEmpty(), "no class files in target/classes");
  }

  @Test
  void everyPackageBelongsToARoom() {
    List<String> homeless =
        classes.stream()
            .filter(type -> isOurs(type) && !FLOOR.containsKey(room(type)))
            .map(JavaClass::getName)
            .toList();
    assertEquals(List.of(), homeless);
  }

  @Test
  void importsGoDownOnly() {
    assertNone((from, to) -> FLOOR.get(to) >= FLOOR.get(from));
  }

  @Test
  void networksDoNotKnowMachinesNorMachinesNetworks() {
    assertNone((from, to) -> NETWORKS.contains(from) && MACHINES.contains(to));
    assertNone((from, to) -> MACHINES.contains(from) && NETWORKS.contains(to));
  }

  @Test
  void theDriverIsKnownToDevicesEnginesAndCollectivesAlone() {
    assertNone(
        (from, to) ->
            to.equals("driver") && !Set.of("device", "engine", "collective").contains(from));
  }

  @Test
  void enginesDoNotKnowModels() {
    assertNone((from, to) -> from.equals("engine") && to.equals("model"));
  }

  /** The registry alone knows which engines there are; what they have in common knows none. */
  @Test
  void onlyTheRegistryKnowsAnotherEngine() {
    List<String> violations =
        classes.stream()
            .filter(type -> room(type).equals("engine") && !engine(type).equals("registry"))
            .flatMap(type -> type.getDirectDependenciesFromSelf().stream())
            .filter(
                d -> !List.of("", engine(d.getOriginClass())).contains(engine(d.getTargetClass())))
            .map(Dependency::getDescription)
            .sorted()
            .toList();
    assertEquals(List.of(), violations);
  }

  @Test
  void everyExceptionThatUsersSeeHasOneRoot() {
    List<String> rootless =
        classes.stream()
            .filter(type -> isOurs(type) && type.getModifiers().contains(JavaModifier.PUBLIC))
            .filter(type -> type.isAssignableTo(RuntimeException.class))
            .filter(type -> !type.isAssignableTo(CatenaException.class))
            .map(JavaClass::getName)
            .toList();
    assertEquals(List.of(), rootless);
  }

  /** Fails, naming each import from one room to another that {@code forbidden} holds for. */
  private static void assertNone(BiPredicate<String, String> forbidden) {
    List<String> violations =
        classes.stream()
            .flatMap(ArchitectureTest::imports)
            .filter(d -> forbidden.test(room(d.getOriginClass()), room(d.getTargetClass())))
            .map(Dependency::getDescription)
            .sorted()
            .toList();
    assertEquals(List.of(), violations);
  }

  private static Stream<Dependency> imports(JavaClass type) {
    return type.getDirectDependenciesFromSelf().stream()
        .filter(d -> isOurs(d.getTargetClass()) && !room(d.getTargetClass()).equals(room(type)));
  }

  private static boolean isOurs(JavaClass type) {
    return (type.getPackageName() + ".").startsWith(ROOT + ".");
  }

  /** The package below {@code engine} that a type is in; empty elsewhere. */
  private static String engine(JavaClass type) {
    String[] names = type.getPackageName().split("\\.");
    return names.length > 3 && names[2].equals("engine") ? names[3] : "";
  }

  private static String room(JavaClass type) {
    String[] names = type.getPackageName().split("\\.");
    return names.length > 2 ? names[2] : FACADE;
  }
}
