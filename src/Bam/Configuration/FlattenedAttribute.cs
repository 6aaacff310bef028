namespace Bam.Configuration;

/// <summary>Puts the keys of a property's record at the level of the record that holds it: a group of keys that several files share.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class FlattenedAttribute : Attribute;
