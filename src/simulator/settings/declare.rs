//! The macro that declares the settings.

/// Declares each setting once: its name, type, default or words, and description.
///
/// It makes the struct `Settings` with its defaults, an enum for each setting that takes one of several words (the first
/// word is the default), and the list that the documentation is made from.
macro_rules! settings {
    ($($name:ident: $type:ident$(<$inner:ident>)?
        $(= $default:expr, $values:literal)?
        $([$first:ident $first_word:literal $(, $variant:ident $word:literal)+])?,
        $about:literal;)+
    ) => {
        /// Every setting. Each default is a choice of the simulator's.
        #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Settings {
            $(#[doc = $about] pub $name: $type$(<$inner>)?,)+
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($name: $($default)? $($type::$first)?,)+ }
            }
        }

        $($(
            #[doc = concat!("The words of `", stringify!($name), "`.")]
            #[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
            #[expect(missing_docs, reason = "the description of the setting explains its words")]
            pub enum $type {
                #[serde(rename = $first_word)]
                $first,
                $(#[serde(rename = $word)] $variant,)+
            }
        )?)+

        pub(super) const LIST: &[Setting] = &[$(
            Setting {
                name: stringify!($name),
                values: concat!($($values)? $($first_word $(, " | ", $word)+)?),
                about: $about,
            },
        )+];
    };
}
